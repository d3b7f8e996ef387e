"""Where webhooks may go: spelled in every way that somebody might try."""

import socket
import threading
import time
from ipaddress import ip_address, ip_network

import pytest

from stoa.missions.environments import EffectFailedError
from stoa.missions.environments import webhook as webhooks
from stoa.missions.environments._addresses import RefusedAddressError, is_public, resolved

PUBLIC = (
    "93.184.216.34",
    "8.8.8.8",
    "2606:4700::1111",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "::ffff:8.8.8.8",
)
PRIVATE = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1", "2001::1", "::127.0.0.1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::1", "2002:a00:1::1",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
def test_all_others_are_not(address):
    assert not is_public(ip_address(address))


SPELLINGS = (
    "127.0.0.1", "localhost", "::1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.1", "0", "10.0.0.1", "10.1",
    "167772161", "169.254.169.254", "0xa9fea9fe", "2852039166", "::ffff:127.0.0.1", "::ffff:a00:1", "fe80::1%lo",
    "１２７.0.0.1",
)  # fmt: skip


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_a_private_address_gets_through(host):
    with pytest.raises((RefusedAddressError, socket.gaierror)):
        resolved(host, 443, allowed=())


@pytest.fixture
def names(monkeypatch):
    """``names["host"] = [addresses]``: what is looked up, and how often."""
    known = {}
    asked = []

    def look_up(host, port, **_):
        asked.append(host)
        if host not in known:
            raise socket.gaierror
        found = known[host].pop(0) if isinstance(known[host][0], list) else known[host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    known["asked"] = asked
    return known


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_to_a_private_address_is_refused(names, address):
    names["inside.test"] = [address]
    with pytest.raises(RefusedAddressError):
        resolved("inside.test", 443, allowed=())


def test_one_private_address_among_public_ones_is_enough(names):
    names["mixed.test"] = ["8.8.8.8", "10.0.0.1"]
    with pytest.raises(RefusedAddressError):
        resolved("mixed.test", 443, allowed=())


def test_what_a_setting_allows_is_told_apart(names):
    names["mixed.test"] = ["8.8.8.8", "::ffff:10.0.0.1"]
    found = resolved("mixed.test", 443, allowed=[ip_network("10.0.0.0/8"), ip_network("::1")])
    assert found == [(ip_address("8.8.8.8"), False), (ip_address("10.0.0.1"), True)]


def test_a_name_is_looked_up_once_and_the_connection_goes_to_what_was_found(names, monkeypatch):
    """A name that changes its mind between the check and the connection (DNS rebinding) changes nothing."""
    names["rebinds.test"] = [["8.8.8.8"], ["127.0.0.1"]]
    connected = []

    def connect(address, timeout):
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    call = webhooks._Call(webhooks._split("https://rebinds.test/hook"), "{}", {}, time.monotonic() + 60)
    with pytest.raises(ConnectionRefusedError):
        call.post([])
    assert connected == [("8.8.8.8", 443)]
    assert names["asked"] == ["rebinds.test"]


def test_what_does_not_answer_is_given_up_in_time_to_say_so(names, monkeypatch):
    """Whatever number of addresses it has: a call that overruns is killed, and not tried again."""
    names["asleep.test"] = ["8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1"]
    given = []

    def connect(_, timeout):
        given.append(timeout)
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", connect)
    url = webhooks._split("https://asleep.test/hook")
    with pytest.raises(TimeoutError):
        webhooks._Call(url, "{}", {}, time.monotonic() + 4).post([])
    assert all(0 < timeout <= 4 / left for timeout, left in zip(given, (4, 3, 2, 1), strict=True))
    with pytest.raises(TimeoutError):
        webhooks._Call(url, "{}", {}, time.monotonic() - 1).post([])
    assert len(given) == 4


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"]
)
def test_what_falls_silent_is_given_up_in_time(said):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = webhooks._split(f"http://127.0.0.1:{server.getsockname()[1]}/hook")
        answers = []

        def answer():
            there, _ = server.accept()
            there.sendall(said)
            answers.append(there)  # and nothing more, without hanging up

        threading.Thread(target=answer, daemon=True).start()
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            webhooks._Call(url, "{}", {}, begun + 0.5).post(["127.0.0.0/8"])
        assert time.monotonic() - begun < webhooks._IO_SECONDS
        for one in answers:
            one.close()


def test_a_public_address_is_not_called_without_https(names):
    names["open.test"] = ["8.8.8.8"]
    with pytest.raises(EffectFailedError, match="https"):
        webhooks._Call(webhooks._split("http://open.test/hook"), "{}", {}, 0).post([])


@pytest.mark.parametrize(
    "url",
    [
        "", "hook", "//host/hook", "ftp://host/", "file:///etc/passwd", "gopher://host/", "https://", "https:///hook",
        "https://user@host/", "https://user:secret@host/", "https://host:99999/", "https://host:x/", "https://host:0/",
        "https://[::1/", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url):
    with pytest.raises(EffectFailedError, match="address is none"):
        webhooks._split(url)
