"""Cluster addresses and node ports of Services: each is given out once, over all logical clusters.

Held in memory, rebuilt from the stored Services at start; as one process at a time owns the store, that is enough to be
unique. What a write takes is a `Claim`, which gives everything back unless the write succeeds.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final

from bascule.vocabulary import errors, objects

_HEADLESS: Final = "None"
_PROBES: Final = 64
_WITH_ADDRESS: Final = ("ClusterIP", "NodePort", "LoadBalancer")
_WITH_PORTS: Final = ("NodePort", "LoadBalancer")


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
        self._ports = ports
        self._random = source
        self._used: set[str | int] = set()

    @property
    def first_address(self) -> str:
        """The `kubernetes` Service's."""
        return str(self._network.network_address + 1)

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
        """Completes the Service in place. Raises 422 for what is taken, out of range, or used up."""
        claim = Claim(self)
        before = set(_uses(old)) if old is not None else set()
        causes: list[errors.Cause] = []
        self._address(service, old, before, claim, causes)
        self._node_ports(service, old, before, claim, causes)
        if causes:
            self.free(claim.taken)
            raise errors.invalid("Service", "", objects.name(service), causes)
        claim.dropped = list(before - set(_uses(service)))
        return claim

    def _address(
        self,
        service: objects.Object,
        old: objects.Object | None,
        before: set[str | int],
        claim: Claim,
        causes: list[errors.Cause],
    ) -> None:
        spec: dict[str, Any] = service.setdefault("spec", {})
        if (spec.get("type") or "ClusterIP") not in _WITH_ADDRESS:
            return
        asked = spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or []), "")
        if not asked and old is not None:
            asked = (old.get("spec") or {}).get("clusterIP") or ""
        if asked == _HEADLESS:
            spec["clusterIP"], spec["clusterIPs"] = _HEADLESS, [_HEADLESS]
            return
        if not asked:
            asked = self._free_address()
            if not asked:
                causes.append(
                    errors.Cause("InternalError", "spec.clusterIPs", "failed to allocate a serviceIP: range is full")
                )
                return
        elif asked not in before:
            problem = self._address_problem(asked)
            if problem:
                causes.append(errors.invalid_value("spec.clusterIPs", [asked], problem))
                return
        if asked not in before:
            self._take(asked, claim)
        family = "IPv6" if ":" in asked else "IPv4"
        spec["clusterIP"], spec["clusterIPs"] = asked, [asked]
        spec["ipFamilies"] = spec.get("ipFamilies") or [family]
        spec["ipFamilyPolicy"] = spec.get("ipFamilyPolicy") or "SingleStack"

    def _address_problem(self, text: str) -> str:
        try:
            inside = ipaddress.ip_address(text) in self._network
        except ValueError:
            return "must be a valid IP address"
        if not inside:
            return (
                f"failed to allocate IP {text}: the provided IP ({text}) is not in the valid range. "
                f"The range of valid IPs is {self._network}"
            )
        return f"failed to allocate IP {text}: provided IP is already allocated" if text in self._used else ""

    def _node_ports(
        self,
        service: objects.Object,
        old: objects.Object | None,
        before: set[str | int],
        claim: Claim,
        causes: list[errors.Cause],
    ) -> None:
        spec = service["spec"]
        kind = spec.get("type")
        if kind not in _WITH_PORTS:
            return
        wanted = kind == "NodePort" or spec.get("allocateLoadBalancerNodePorts") is not False
        known = {
            (port.get("protocol") or "TCP", port.get("port")): port.get("nodePort")
            for port in ((old or {}).get("spec") or {}).get("ports") or []
        }
        mine: set[int] = set()
        for index, port in enumerate(spec.get("ports") or []):
            number = port.get("nodePort") or known.get((port.get("protocol") or "TCP", port.get("port")))
            if number and number not in before and number not in mine:
                problem = self._port_problem(number)
                if problem:
                    causes.append(errors.invalid_value(f"spec.ports[{index}].nodePort", number, problem))
                    continue
                self._take(number, claim)
            elif not number and wanted:
                number = self._free_port()
                if not number:
                    causes.append(
                        errors.Cause(
                            "InternalError",
                            f"spec.ports[{index}].nodePort",
                            "failed to allocate a nodePort: range is full",
                        )
                    )
                    continue
                self._take(number, claim)
            if number:
                port["nodePort"] = number
                mine.add(number)
        if kind == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
            self._health_port(spec, before, claim)

    def _health_port(self, spec: dict[str, Any], before: set[str | int], claim: Claim) -> None:
        number = spec.get("healthCheckNodePort") or self._free_port()
        if number and number not in before:
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
            text for text in [spec.get("clusterIP"), *(spec.get("clusterIPs") or [])] if text and text != _HEADLESS
        ]
    if spec.get("type") in _WITH_PORTS:
        used += [port["nodePort"] for port in spec.get("ports") or [] if port.get("nodePort")]
        if spec.get("healthCheckNodePort"):
            used.append(spec["healthCheckNodePort"])
    return used
