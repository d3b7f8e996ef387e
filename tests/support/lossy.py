"""A way to a UDP port that loses packets: it listens on another address of the loopback, at the same port."""

import contextlib
import random
import selectors
import socket
import threading


class Lossy:
    """``127.0.0.2:port`` leads to ``127.0.0.1:port``. ``share`` of the packets is lost, each way; begins with none."""

    def __init__(self, port, seed=1):
        self.share, self.passed, self.lost = 0.0, 0, 0
        self._target, self._chance = ("127.0.0.1", port), random.Random(seed)
        self._selector, self._ways = selectors.DefaultSelector(), {}
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._front.bind(("127.0.0.2", port))
        self._selector.register(self._front, selectors.EVENT_READ, None)
        self._closed = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def close(self):
        self._closed = True
        self._thread.join(5)
        for way in (self._front, *self._ways.values()):
            way.close()

    def _work(self):
        while not self._closed:
            for key, _ in self._selector.select(0.1):
                if key.data is None:
                    data, address = self._front.recvfrom(2048)
                    self._pass(data, self._way(address).send)
                else:
                    data = key.fileobj.recv(2048)
                    self._pass(data, lambda data, to=key.data: self._front.sendto(data, to))

    def _way(self, address):
        way = self._ways.get(address)
        if way is None:
            way = self._ways[address] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            way.connect(self._target)
            self._selector.register(way, selectors.EVENT_READ, address)
        return way

    def _pass(self, data, send):
        if self._chance.random() < self.share:
            self.lost += 1
            return
        self.passed += 1
        with contextlib.suppress(OSError):
            send(data)
