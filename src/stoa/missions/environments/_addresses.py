"""Where a server may be sent by somebody who writes missions: to the public internet, and what a setting allows."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
_NAT64 = IPv6Network("64:ff9b::/96")


class RefusedAddressError(Exception):
    """The name leads to an address that is not to be called."""


def resolved(
    host: str, port: int, *, allowed: Sequence[Network]
) -> list[tuple[IPv4Address | IPv6Address, bool]]:
    """The addresses of ``host``, each with whether only ``allowed`` lets it through: connect to these, and to nothing
    that is looked up again. Whatever spells an address (``2130706433``, ``0177.1``) is looked up like a name.

    Raises RefusedAddressError where one of them is refused, OSError where nothing is found.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = dict.fromkeys(_plain(str(place[0])) for *_, place in found)
    checked = []
    for address in addresses:
        by_setting = any(address in network for network in allowed if network.version == address.version)
        if not by_setting and not is_public(address):
            raise RefusedAddressError(host)
        checked.append((address, by_setting))
    return checked


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody on the internet may be there. What carries an address of the old kind is what it carries."""
    if isinstance(address, IPv6Address):
        carried = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            carried = IPv4Address(int(address) & 0xFFFFFFFF)
        if carried is not None:
            return is_public(carried)
        if address.is_site_local:
            return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not special


def _plain(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text.partition("%")[0])
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def connect(
    addresses: Sequence[IPv4Address | IPv6Address], port: int, *, seconds: Callable[[], float]
) -> socket.socket:
    """A connection to the first that answers within its share of what ``seconds()`` are left. Raises OSError."""
    failure: OSError = OSError("no address")
    for tried, address in enumerate(addresses):
        try:
            return socket.create_connection((str(address), port), seconds() / (len(addresses) - tried))
        except OSError as error:
            failure = error
    raise failure
