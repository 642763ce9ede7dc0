"""IP addresses and networks. Mapped IPv4 addresses, zones and leading zeros are refused, as upstream does."""

from __future__ import annotations

import ipaddress

from bascule.control.cel import costs
from bascule.control.cel.declarations import Library
from bascule.control.cel.errors import EvaluationError
from bascule.control.cel.values import Opaque, register

IP, CIDR = "net.IP", "net.CIDR"
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Ip(Opaque):
    __slots__ = ("address",)
    name = IP

    def __init__(self, address: _Address) -> None:
        self.address = address

    def __len__(self) -> int:
        return len(self.address.packed)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ip) and self.address == other.address

    def __hash__(self) -> int:
        return hash(self.address)


class Cidr(Opaque):
    """An address with a prefix length; the address may lie inside the network."""

    __slots__ = ("address", "bits")
    name = CIDR

    def __init__(self, address: _Address, bits: int) -> None:
        self.address, self.bits = address, bits

    def __len__(self) -> int:
        return (self.bits + 7) // 8

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cidr) and (self.address, self.bits) == (other.address, other.bits)

    def __hash__(self) -> int:
        return hash((self.address, self.bits))

    def masked(self) -> Cidr:
        width = self.address.max_prefixlen
        value = int(self.address) >> (width - self.bits) << (width - self.bits)
        return Cidr(type(self.address)(value), self.bits)


register(Ip, IP)
register(Cidr, CIDR)


def _address(text: str) -> _Address:
    if "%" in text:
        raise EvaluationError(f'IP address "{text}" with zone value is not allowed')
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        message = f'IP Address "{text}" parse error during conversion from string: {error}'
        raise EvaluationError(message) from error
    if address.version == 6 and address.ipv4_mapped is not None:
        raise EvaluationError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return address


def ip(text: str) -> Ip:
    return Ip(_address(text))


def cidr(text: str) -> Cidr:
    address_text, slash, bits = text.partition("/")
    prefix = "network address parse error during conversion from string: "
    if not slash or not bits.isascii() or not bits.isdigit() or (len(bits) > 1 and bits[0] == "0"):
        raise EvaluationError(f"{prefix}{text!r}: no or bad prefix length")
    try:
        address = _address(address_text)
    except EvaluationError as error:
        raise EvaluationError(f"{prefix}{error}") from error
    if int(bits) > address.max_prefixlen:
        raise EvaluationError(f"{prefix}{text!r}: prefix length out of range")
    return Cidr(address, int(bits))


def _is_ip(text: str) -> bool:
    try:
        ip(text)
    except EvaluationError:
        return False
    return True


def _is_cidr(text: str) -> bool:
    try:
        cidr(text)
    except EvaluationError:
        return False
    return True


def _contains_ip(network: Cidr, inner: Ip) -> bool:
    if network.address.version != inner.address.version:
        return False
    return Cidr(inner.address, network.bits).masked() == network.masked()


def _contains_cidr(network: Cidr, inner: Cidr) -> bool:
    return network.bits <= inner.bits and _contains_ip(network, Ip(inner.address))


def _canonical(text: str) -> bool:
    return str(_address(text)) == text


def _containing(first: Cidr, second: object, *, extra: bool, parsed: bool) -> int:
    cost = costs.text(2 * len(first))
    if extra:
        cost += costs.text(len(first)) + 1
    return cost + (costs.text(len(second)) if parsed and isinstance(second, str) else 0)


def _global(address: _Address) -> bool:
    broadcast = address.version == 4 and int(address) == 0xFFFFFFFF
    return not (
        address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local or broadcast
    )


LIBRARY = Library()
_add = LIBRARY.add
_add("ip", f"string -> {IP}", ip, id="string_to_ip", cost=costs.first_text)
_add("isIP", "string -> bool", _is_ip, cost=costs.first_text)
_add("ip.isCanonical", "string -> bool", _canonical, cost=costs.first_text_twice)
_add("family", f"{IP} . -> int", lambda value: value.address.version)
_add("isUnspecified", f"{IP} . -> bool", lambda value: value.address.is_unspecified)
_add("isLoopback", f"{IP} . -> bool", lambda value: value.address.is_loopback)
_add(
    "isLinkLocalMulticast",
    f"{IP} . -> bool",
    lambda value: (
        value.address.is_multicast
        and (
            value.address in ipaddress.ip_network("224.0.0.0/24")
            if value.address.version == 4
            else value.address.packed[1] & 15 == 2
        )
    ),
)
_add("isLinkLocalUnicast", f"{IP} . -> bool", lambda value: value.address.is_link_local)
_add("isGlobalUnicast", f"{IP} . -> bool", lambda value: _global(value.address))
_add("string", f"{IP} -> string", lambda value: str(value.address))

_add("cidr", f"string -> {CIDR}", cidr, cost=costs.first_text)
_add("isCIDR", "string -> bool", _is_cidr, cost=costs.first_text)
_add(
    "containsIP",
    f"{CIDR} . string -> bool",
    lambda network, text: _contains_ip(network, ip(text)),
    id="cidr_contains_ip_string",
    cost=lambda a, b, _r: _containing(a, b, extra=False, parsed=True),
)
_add(
    "containsIP",
    f"{CIDR} . {IP} -> bool",
    _contains_ip,
    id="cidr_contains_ip_ip",
    cost=lambda a, b, _r: _containing(a, b, extra=False, parsed=False),
)
_add(
    "containsCIDR",
    f"{CIDR} . string -> bool",
    lambda network, text: _contains_cidr(network, cidr(text)),
    id="cidr_contains_cidr_string",
    cost=lambda a, b, _r: _containing(a, b, extra=True, parsed=True),
)
_add(
    "containsCIDR",
    f"{CIDR} . {CIDR} -> bool",
    _contains_cidr,
    id="cidr_contains_cidr",
    cost=lambda a, b, _r: _containing(a, b, extra=True, parsed=False),
)
_add("ip", f"{CIDR} . -> {IP}", lambda value: Ip(value.address), id="cidr_ip")
_add("prefixLength", f"{CIDR} . -> int", lambda value: value.bits)
_add("masked", f"{CIDR} . -> {CIDR}", Cidr.masked)
_add("string", f"{CIDR} -> string", lambda value: f"{value.address}/{value.bits}")
