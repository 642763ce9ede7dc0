"""Rules of values that name things: qualified names, segments of paths, paths behind a domain, storage drivers."""

from __future__ import annotations

import re
from functools import lru_cache

from bascule.control.kinds import metadata
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors, names

_DRIVER_LENGTH_MAX = 63
_IDENTIFIER_LENGTH_MAX = 32
_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
_BAD_IDENTIFIER = (
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters "
    f"or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '{_IDENTIFIER}')"
)
_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"


@lru_cache(maxsize=4096)
def _qualified_problems(name: str) -> tuple[str, ...]:
    return tuple(names.is_qualified_name(name))


def qualified(path: str, value: object, shown: object = None) -> Causes:
    """`example.com/name`; `shown` is said in the message where it differs from the value."""
    if type(value) is str:
        for problem in _qualified_problems(value):
            yield errors.invalid_value(path, value if shown is None else shown, problem)


def subdomain(path: str, value: object) -> Causes:
    if type(value) is str:
        for problem in metadata.subdomain(value):
            yield errors.invalid_value(path, value, problem)


def label(path: str, value: object) -> Causes:
    if type(value) is str:
        for problem in metadata.label(value):
            yield errors.invalid_value(path, value, problem)


def segment(path: str, value: object) -> Causes:
    """What may stand between two slashes of a URL."""
    if type(value) is str:
        for problem in metadata.path_segment(value):
            yield errors.invalid_value(path, value, problem)


def required_segment(path: str, value: object, message: str = "") -> Causes:
    if not value:
        yield errors.required(path, message)
    else:
        yield from segment(path, value)


def behind_domain(path: str, value: object) -> Causes:
    """`example.com/anything`."""
    if not value:
        yield errors.required(path, "")
    elif type(value) is str:
        domain, _, rest = value.partition("/")
        if not domain or not rest:
            yield errors.invalid_value(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')
            return
        yield from subdomain(path, domain)
        if not re.fullmatch(_PATH, rest):
            yield errors.invalid_value(path, rest, f"Invalid path (regex used for validation is '{_PATH}')")


def driver(path: str, value: object) -> Causes:
    """The name of a CSI driver."""
    if not value:
        yield errors.required(path, "")
    elif type(value) is str:
        if len(value) > _DRIVER_LENGTH_MAX:
            yield errors.too_long(path, _DRIVER_LENGTH_MAX)
        for problem in metadata.subdomain(value.lower()):
            yield errors.invalid_value(path, value, problem)


def c_identifier(path: str, value: str) -> Causes:
    if len(value) > _IDENTIFIER_LENGTH_MAX:
        yield errors.too_long(path, _IDENTIFIER_LENGTH_MAX)
    if not re.fullmatch(_IDENTIFIER, value):
        yield errors.invalid_value(path, value, _BAD_IDENTIFIER)
