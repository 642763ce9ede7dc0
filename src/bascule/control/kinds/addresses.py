"""Rules of IP addresses and ranges where only the canonical form will do, and of DNS names with a wildcard."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from bascule.control.kinds import metadata
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
BAD_RANGE: Final = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_BAD_ADDRESS: Final = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_SUBDOMAIN: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_WILDCARD: Final = rf"\*\.{_SUBDOMAIN}"
_NAME_LENGTH_MAX: Final = 253
_BAD_WILDCARD: Final = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character "
    f"(e.g. '*.example.com', regex used for validation is '{_WILDCARD}')"
)


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def any_address_problems(path: str, text: object) -> Causes:
    """An address in any form."""
    if type(text) is str and not is_address(text):
        yield errors.invalid_value(path, text, _BAD_ADDRESS)


def network(text: str) -> Network | None:
    """The range a text names, bits beyond the prefix and zeros before numbers passed over; None when there is none."""
    address, slash, length = text.partition("/")
    if not slash or not (length.isascii() and length.isdigit()):
        return None
    if ":" not in address:
        address = ".".join(part.lstrip("0") or "0" for part in address.split(".")) if "." in address else address
    try:
        return ipaddress.ip_network(f"{address}/{int(length)}", strict=False)
    except ValueError:
        return None


def address_problems(path: str, text: str) -> Causes:
    """Canonical addresses only."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        yield errors.invalid_value(path, text, _BAD_ADDRESS)
        return
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        yield errors.invalid_value(path, text, "must not be an IPv4-mapped IPv6 address")
    elif str(address) != text:
        yield errors.invalid_value(path, text, f'must be in canonical form ("{address}")')


def range_problems(path: str, text: str) -> Causes:
    """Canonical ranges only."""
    found = network(text)
    if found is None:
        yield errors.invalid_value(path, text, BAD_RANGE)
        return
    address, _, length = text.partition("/")
    if any(len(part) > 1 and part.startswith("0") for part in (*address.split("."), length) if ":" not in part):
        yield errors.invalid_value(path, text, "must not have leading 0s in IP or prefix length")
    elif isinstance(found, ipaddress.IPv6Network) and found.network_address.ipv4_mapped is not None:
        yield errors.invalid_value(path, text, "must not have an IPv4-mapped IPv6 address")
    elif ipaddress.ip_address(address) != found.network_address:
        yield errors.invalid_value(path, text, "must not have bits set beyond the prefix length")
    elif str(found) != text:
        yield errors.invalid_value(path, text, f'must be in canonical form ("{found}")')


def range_warnings(path: str, text: str) -> list[str]:
    """Of a range that is accepted though its address is not the network's."""
    found = network(text)
    address = text.partition("/")[0]
    if found is None or not is_address(address) or ipaddress.ip_address(address) == found.network_address:
        return []
    host = ipaddress.ip_network(address)
    return [f'{path}: CIDR value "{text}" is ambiguous in this context (should be "{found}" or "{host}"?)']


def host_problems(path: str, host: str) -> Causes:
    """A DNS name, possibly with a wildcard before its first dot."""
    if "*" not in host:
        for problem in metadata.subdomain(host):
            yield errors.invalid_value(path, host, problem)
        return
    if len(host) > _NAME_LENGTH_MAX:
        yield errors.invalid_value(path, host, f"must be no more than {_NAME_LENGTH_MAX} characters")
    if not re.fullmatch(_WILDCARD, host):
        yield errors.invalid_value(path, host, _BAD_WILDCARD)
