"""The tests' servers do not get into each other's way."""

import socket

import pytest
from tests.support.processes import free_port


def bound(port, *, reuse=True):
    opened = socket.socket()
    if reuse:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind(("127.0.0.1", port))
    except OSError:
        opened.close()
        raise
    return opened


def test_a_port_is_given_to_nobody_else_and_its_server_listens_there_again_and_again():
    port = free_port()
    others = [bound(0) for _ in range(500)]
    assert port not in {each.getsockname()[1] for each in others}
    for each in others:
        each.close()
    with pytest.raises(OSError, match="in use"):
        bound(port, reuse=False)
    for _ in range(2):
        with bound(port) as server:
            server.listen()
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                pass
