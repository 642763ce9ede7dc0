"""Ports for nodes to dial and to join at."""

import socket

import pytest

from bascule.control.bridgehead import ports


class System:
    """Offers ports in turn; some are taken."""

    def __init__(self, offered: list[int], taken: set[int]) -> None:
        self.offered = offered
        self.taken = taken

    def socket(self, family: int) -> "Socket":
        assert family == socket.AF_INET
        return Socket(self)


class Socket:
    def __init__(self, system: System) -> None:
        self._system = system
        self._port = 0

    def __enter__(self) -> "Socket":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def bind(self, address: tuple[str, int]) -> None:
        self._port = address[1] or self._system.offered.pop(0)
        if self._port > 65535:
            raise OverflowError("bind(): port must be 0-65535.")
        if self._port in self._system.taken:
            raise OSError(98, "Address already in use")

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", self._port


def test_a_named_port_stays_what_it_is():
    assert ports.paired("127.0.0.1:6444") == "127.0.0.1:6444"


@pytest.mark.parametrize(
    ("offered", "taken", "chosen"), [([40], set(), 40), ([40, 50], {41}, 50), ([65535, 40, 50], {41}, 50)]
)
def test_any_port_has_a_free_one_beside_it(monkeypatch, offered, taken, chosen):
    monkeypatch.setattr(ports.socket, "socket", System(offered, taken).socket)
    assert ports.paired("127.0.0.1:0") == f"127.0.0.1:{chosen}"


def test_the_system_has_such_ports():
    with socket.socket() as first, socket.socket() as second:
        host, _, port = ports.paired("127.0.0.1:0").rpartition(":")
        first.bind((host, int(port)))
        second.bind((host, int(port) + 1))
