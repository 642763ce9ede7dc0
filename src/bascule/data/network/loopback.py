"""Addresses for pods without root: each gets one of 127.0.0.0/8, which every process may bind.

Invariant: no two live pods of a node share an address, and a pod keeps its own over restarts of the agent. The
allocation is remembered through the two functions passed in, so this file does no I/O.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable


class PoolExhausted(Exception):
    """Every address of the node's range is taken."""


class LoopbackPool:
    """Hands out host addresses of ``cidr`` (inside 127.0.0.0/8) by pod uid."""

    def __init__(self, cidr: str, recall: Callable[[], bytes | None], remember: Callable[[bytes], None]) -> None:
        self._network = ipaddress.IPv4Network(cidr)
        if not self._network.subnet_of(ipaddress.IPv4Network("127.0.0.0/8")):
            raise ValueError(f"{cidr} is not inside 127.0.0.0/8, so a process without root cannot bind its addresses")
        self._remember = remember
        self._by_uid: dict[str, str] = json.loads(recall() or b"{}")
        self._last = int(self._network.network_address)

    def take(self, uid: str) -> str:
        """The pod's address, the same on every call. Raises PoolExhausted."""
        held = self._by_uid.get(uid)
        if held is not None:
            return held
        taken = set(self._by_uid.values())
        first, size = int(self._network.network_address), self._network.num_addresses
        for step in range(1, size):
            candidate = first + (self._last - first + step) % size
            text = str(ipaddress.IPv4Address(candidate))
            if candidate not in (first, first + size - 1) and text not in taken:
                self._last = candidate
                self._by_uid[uid] = text
                self._save()
                return text
        raise PoolExhausted(f"all {size - 2} pod addresses of {self._network} are taken")

    def give_back(self, uid: str) -> None:
        if self._by_uid.pop(uid, None) is not None:
            self._save()

    def _save(self) -> None:
        self._remember(json.dumps(self._by_uid, sort_keys=True).encode())
