"""Rules of IP addresses and ranges in fields older than the canonical form: any spelling that means one thing only."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors

_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_LINK_LOCAL_MULTICAST: dict[int, ipaddress.IPv4Network | ipaddress.IPv6Network] = {
    4: ipaddress.ip_network("224.0.0.0/24"),
    6: ipaddress.ip_network("ff02::/16"),
}


@lru_cache(maxsize=4096)
def parsed(text: str) -> Address | None:
    """The address, also of a text with zeros before its numbers."""
    if "%" in text or not text.isascii():
        return None
    if ":" not in text:
        text = ".".join(part.lstrip("0") or part[:1] for part in text.split("."))
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _leading_zeros(text: str) -> bool:
    return ":" not in text and any(len(part) > 1 and part[0] == "0" for part in text.split("."))


def _mapped(address: Address) -> bool:
    return isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None


def ip(path: str, value: str) -> Causes:
    address = parsed(value)
    if address is None:
        yield errors.invalid_value(path, value, _IP)
    elif _leading_zeros(value):
        yield errors.invalid_value(path, value, "must not have leading 0s")
    elif _mapped(address):
        yield errors.invalid_value(path, value, "must not be an IPv4-mapped IPv6 address")


def cidr(path: str, value: str) -> Causes:
    text, slash, bits = value.partition("/")
    address = parsed(text)
    if address is None or not slash or not (bits.isascii() and bits.isdigit()) or int(bits) > address.max_prefixlen:
        yield errors.invalid_value(path, value, _CIDR)
    elif _leading_zeros(text) or (len(bits) > 1 and bits[0] == "0"):
        yield errors.invalid_value(path, value, "must not have leading 0s in IP or prefix length")
    elif _mapped(address):
        yield errors.invalid_value(path, value, "must not have an IPv4-mapped IPv6 address")
    elif ipaddress.ip_network(f"{address}/{int(bits)}", strict=False).network_address != address:
        yield errors.invalid_value(path, value, "must not have bits set beyond the prefix length")


def one_of_each_family(texts: list[str]) -> bool:
    """At most two addresses (or ranges), and of two one is IPv4 and one IPv6."""
    return len(texts) <= 2 and len({":" in text for text in texts}) == len(texts)


def special(path: str, value: str, *, loopback: bool = False) -> Causes:
    """Addresses that mean something else on every machine cannot be where something is reached.

    `loopback` admits those of this machine: an installation of one machine runs its pods, and its server, there.
    """
    address = parsed(value)
    if address is None:
        yield errors.invalid_value(path, value, "must be a valid IP address")
        return
    if address.is_unspecified:
        yield errors.invalid_value(path, value, f"may not be unspecified ({value})")
    if address.is_loopback and not loopback:
        yield errors.invalid_value(path, value, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if address.is_link_local:
        yield errors.invalid_value(path, value, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    if address in _LINK_LOCAL_MULTICAST[address.version]:
        message = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        yield errors.invalid_value(path, value, message)
