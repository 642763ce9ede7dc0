"""The names of the cluster as a function of its Services and EndpointSlices, after the Kubernetes DNS specification.

A and SRV records for Services, addresses of ready endpoints for headless ones, CNAME for ExternalName, addresses that
pods' names spell out, PTR for the way back. Pure: a ``Zone`` never changes; news make a new one.
"""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Iterable
from typing import Any, NamedTuple

from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object

SERVICE_NAME_LABEL = "kubernetes.io/service-name"


class Type(enum.IntEnum):
    """The record types we answer with (RFC 1035, 2782)."""

    A = 1
    CNAME = 5
    SOA = 6
    PTR = 12
    SRV = 33


class Record(NamedTuple):
    """``data``: an address, a name, or ``(priority, weight, port, name)``."""

    type: Type
    data: str | tuple[int, int, int, str]


class Answer(NamedTuple):
    """``exists`` False means NXDOMAIN; True without records means the name has none of that type."""

    exists: bool
    records: tuple[Record, ...] = ()


ABSENT = Answer(False)


class Zone:
    """All names below ``domain`` (``cluster.local``), and the reverse names of what they point to."""

    def __init__(self, domain: str, services: Iterable[Object] = (), slices: Iterable[Object] = ()) -> None:
        self.domain = domain
        self._suffix = f".{domain}"
        self._names: dict[str, list[Record]] = {domain: [], f"svc.{domain}": [], f"pod.{domain}": []}
        grouped: dict[tuple[str, str], list[Object]] = {}
        for piece in slices:
            service = objects.labels(piece).get(SERVICE_NAME_LABEL)
            if service and objects.cluster(piece) == objects.ROOT and piece.get("addressType") == "IPv4":
                grouped.setdefault((objects.namespace(piece), service), []).append(piece)
        for service_object in services:
            if objects.cluster(service_object) == objects.ROOT:
                key = (objects.namespace(service_object), objects.name(service_object))
                try:
                    self._add_service(service_object, key, grouped.get(key, []))
                except (TypeError, ValueError, AttributeError, KeyError):
                    continue  # a malformed Service costs only its own name

    def owns(self, name: str) -> bool:
        """Whether the name (lower case, no final dot) is ours to answer, present or not."""
        return name == self.domain or name.endswith(self._suffix) or name in self._names

    def look_up(self, name: str, type: int) -> Answer:
        """``type`` as on the wire; types we have no records of find names without records."""
        records = self._names.get(name)
        if records is None:
            records = self._pod_records(name)
        if records is None:
            return ABSENT
        aliases = tuple(record for record in records if record.type is Type.CNAME)
        return Answer(True, aliases or tuple(record for record in records if record.type == type))

    def _pod_records(self, name: str) -> list[Record] | None:
        """``10-1-2-3.<namespace>.pod.<domain>`` spells out its own address."""
        stem, found, _ = name.partition(f".pod{self._suffix}")
        parts = stem.split(".")
        if not found or name != f"{stem}.pod{self._suffix}" or len(parts) != 2:
            return None
        try:
            return [Record(Type.A, str(ipaddress.IPv4Address(parts[0].replace("-", "."))))]
        except ValueError:
            return None

    def _add(self, name: str, record: Record) -> None:
        records = self._names.setdefault(name, [])
        if record not in records:
            records.append(record)

    def _add_service(self, service: Object, key: tuple[str, str], slices: list[Object]) -> None:
        namespace, service_name = key
        spec = service.get("spec") or {}
        name = f"{service_name}.{namespace}.svc{self._suffix}"
        self._names.setdefault(f"{namespace}.svc{self._suffix}", [])
        self._names.setdefault(name, [])
        if spec.get("type") == "ExternalName":
            self._add(name, Record(Type.CNAME, spec["externalName"].rstrip(".")))
            return
        address = spec.get("clusterIP") or "None"
        if address == "None":
            self._add_headless(name, spec, slices)
            return
        ipaddress.IPv4Address(address)
        self._add(name, Record(Type.A, address))
        self._add(_reverse(address), Record(Type.PTR, name))
        for port in spec.get("ports") or ():
            self._add_port(name, port.get("name"), port.get("protocol"), int(port["port"]), name)

    def _add_headless(self, name: str, spec: dict[str, Any], slices: list[Object]) -> None:
        for piece in slices:
            for endpoint in piece.get("endpoints") or ():
                ready = (endpoint.get("conditions") or {}).get("ready") is not False
                if not (ready or spec.get("publishNotReadyAddresses")):
                    continue
                for address in endpoint.get("addresses") or ():
                    ipaddress.IPv4Address(address)
                    host = f"{endpoint.get('hostname') or address.replace('.', '-')}.{name}"
                    self._add(name, Record(Type.A, address))
                    self._add(host, Record(Type.A, address))
                    if endpoint.get("hostname"):
                        self._add(_reverse(address), Record(Type.PTR, host))
                    for port in piece.get("ports") or ():
                        self._add_port(name, port.get("name"), port.get("protocol"), int(port["port"]), host)

    def _add_port(self, name: str, port_name: str | None, protocol: str | None, number: int, host: str) -> None:
        if port_name:
            service_type = f"_{(protocol or 'TCP').lower()}.{name}"
            self._names.setdefault(service_type, [])
            self._add(f"_{port_name}.{service_type}", Record(Type.SRV, (0, 100, number, host)))


def _reverse(address: str) -> str:
    return ipaddress.IPv4Address(address).reverse_pointer
