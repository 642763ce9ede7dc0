"""Cluster addresses and node ports of Services: each is given out once, over all logical clusters.

Held in memory, rebuilt from the stored Services at start; as one process at a time owns the store, that is enough to be
unique. What a write takes is a `Claim`, which gives everything back unless the write succeeds.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Final

from bascule.control.kinds.service import families, fields
from bascule.vocabulary import errors, objects

_PROBES: Final = 64


class Claim:
    """What one write took. As a context manager: given back at its end, unless `keep` was called."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.taken: list[str | int] = []
        self.dropped: list[str | int] = []

    def keep(self) -> None:
        """The write is in the store: what it took stays taken, what it no longer uses is free."""
        self._services.free(self.dropped)
        self.taken, self.dropped = [], []

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._services.free(self.taken)


class Services:
    """Allocates from an address range (CIDR) and a range of ports (inclusive)."""

    def __init__(self, address_range: str, ports: tuple[int, int], source: random.Random) -> None:
        self._network = ipaddress.ip_network(address_range)
        self._family = f"IPv{self._network.version}"
        self._ports = ports
        self._random = source
        self._used: set[str | int] = set()

    def rebuild(self, services: Iterable[objects.Object]) -> None:
        """Takes everything that stored Services use."""
        for service in services:
            self._used.update(_uses(service))

    def free(self, values: Iterable[str | int]) -> None:
        self._used.difference_update(values)

    def release(self, service: objects.Object) -> None:
        """The Service is gone."""
        self.free(_uses(service))

    def claim(self, service: objects.Object, old: objects.Object | None = None) -> Claim:
        """Completes the Service in place. Raises 422 for what is taken, out of range or contradictory, 500 for what is
        used up."""
        claim = Claim(self)
        before = set(_uses(old)) if old is not None else set()
        try:
            causes = families.settle(service, old, self._family)
            causes = causes or list(self._address(service, before, claim))
            causes = causes or list(self._node_ports(service, before, claim))
            if causes:
                raise errors.invalid("Service", "", objects.name(service), causes)
        except errors.StatusError:
            self.free(claim.taken)
            raise
        claim.dropped = list(before - set(_uses(service)))
        return claim

    def _address(self, service: objects.Object, before: set[str | int], claim: Claim) -> Iterator[errors.Cause]:
        spec: dict[str, Any] = service["spec"]
        listed: list[str] = spec.get("clusterIPs") or []
        if spec.get("type") not in fields.WITH_ADDRESS or listed[:1] == [fields.HEADLESS]:
            return
        asked = listed[0] if listed else ""
        if not asked:
            asked = self._free_address()
            if not asked:
                raise errors.internal("failed to allocate a serviceIP: range is full")
        elif asked not in before:
            problem = self._address_problem(asked)
            if problem:
                yield errors.invalid_value("spec.clusterIPs", listed, f"failed to allocate IP {asked}: {problem}")
                return
        if asked not in before:
            self._take(asked, claim)
        spec["clusterIP"], spec["clusterIPs"] = asked, [asked]

    def _address_problem(self, text: str) -> str:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return "must be a valid IP address"
        if address not in self._network:
            return "the provided network does not match the current range"
        if address in (self._network.network_address, self._network.broadcast_address) and address.version == 4:
            return f"the provided IP ({text}) is not in the valid range. The range of valid IPs is {self._network}"
        return "provided IP is already allocated" if text in self._used else ""

    def _node_ports(self, service: objects.Object, before: set[str | int], claim: Claim) -> Iterator[errors.Cause]:
        spec: dict[str, Any] = service["spec"]
        ports: list[dict[str, Any]] = spec.get("ports") or []
        if spec.get("type") in fields.WITH_PORTS:
            wanted = spec["type"] == "NodePort" or spec.get("allocateLoadBalancerNodePorts") is not False
            # One number for a port, whatever its protocols; on an update each port is on its own.
            shared: dict[Any, int] = {}
            if not before:
                shared = {port.get("port"): port["nodePort"] for port in reversed(ports) if port.get("nodePort")}
            mine: set[int] = set()
            for index, port in enumerate(ports):
                number = port.get("nodePort") or (shared.get(port.get("port")) if wanted else 0)
                if number and number not in before and number not in mine:
                    problem = self._port_problem(number)
                    if problem:
                        yield errors.invalid_value(f"spec.ports[{index}].nodePort", number, problem)
                        continue
                    self._take(number, claim)
                elif not number and wanted:
                    number = self._free_port()
                    if not number:
                        raise errors.internal("failed to allocate a nodePort: range is full")
                    self._take(number, claim)
                if number:
                    port["nodePort"] = number
                    mine.add(number)
                    if not before:
                        shared.setdefault(port.get("port"), number)
        if fields.needs_health_port(spec):
            self._health_port(spec, before, claim)

    def _health_port(self, spec: dict[str, Any], before: set[str | int], claim: Claim) -> None:
        number = spec.get("healthCheckNodePort")
        if number and number not in before:
            problem = self._port_problem(number)
            if problem:
                raise errors.internal(f"failed to allocate requested HealthCheck NodePort {number}: {problem}")
        elif not number:
            number = self._free_port()
            if not number:
                raise errors.internal("failed to allocate a HealthCheck NodePort : range is full")
        if number not in before:
            self._take(number, claim)
        spec["healthCheckNodePort"] = number

    def _port_problem(self, number: int) -> str:
        low, high = self._ports
        if not low <= number <= high:
            return f"provided port is not in the valid range. The range of valid ports is {low}-{high}"
        return "provided port is already allocated" if number in self._used else ""

    def _take(self, value: str | int, claim: Claim) -> None:
        self._used.add(value)
        claim.taken.append(value)

    def _free_address(self) -> str:
        size = self._network.num_addresses
        for _ in range(_PROBES):
            text = str(self._network.network_address + self._random.randrange(2, max(3, size - 1)))
            if text not in self._used:
                return text
        every = (str(self._network.network_address + offset) for offset in range(2, min(size - 1, 1 << 16)))
        return next((text for text in every if text not in self._used), "")

    def _free_port(self) -> int:
        low, high = self._ports
        for _ in range(_PROBES):
            number = self._random.randint(low, high)
            if number not in self._used:
                return number
        return next((number for number in range(low, high + 1) if number not in self._used), 0)


def _uses(service: objects.Object) -> list[str | int]:
    """The addresses and node ports a Service holds."""
    spec = service.get("spec") or {}
    used: list[str | int] = []
    if spec.get("type") != "ExternalName":
        used += [
            text
            for text in [spec.get("clusterIP"), *(spec.get("clusterIPs") or [])]
            if text and text != fields.HEADLESS
        ]
    if spec.get("type") in fields.WITH_PORTS:
        used += [port["nodePort"] for port in spec.get("ports") or [] if port.get("nodePort")]
        if spec.get("healthCheckNodePort"):
            used.append(spec["healthCheckNodePort"])
    return used
