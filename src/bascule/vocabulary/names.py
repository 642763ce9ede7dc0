"""Names and label syntax: which texts are allowed where, and how new names are made.

Checks return a list of problems (empty when all is well) in upstream's wording, which the apimachinery
``validation`` package fixes; callers turn them into causes.
"""

from __future__ import annotations

import random
import re

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_LABEL = re.compile(_LABEL)
_DNS_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_DNS1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_PORT_NAME_CHARACTERS = re.compile(r"[-a-z0-9]+")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")

SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels, no look-alikes: generated names spell nothing."""

GENERATED_SUFFIX_LENGTH = 5
NAME_LENGTH_MAX = 253


def _too_long(limit: int, unit: str = "characters") -> str:
    """Upstream counts bytes in all cases, but says so of labels only."""
    return f"must be no more than {limit} {unit}"


def _regex(message: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{e}', " for e in examples)
    return f"{message} (e.g. {shown}regex used for validation is '{pattern}')"


_LABEL_MESSAGE = _regex(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character",
    "[a-z0-9]([-a-z0-9]*[a-z0-9])?",
    "my-name",
    "123-abc",
)
_SUBDOMAIN_MESSAGE = _regex(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character",
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
    "example.com",
)
_DNS1035_MESSAGE = _regex(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character",
    "[a-z]([-a-z0-9]*[a-z0-9])?",
    "my-name",
    "abc-123",
)
_QUALIFIED_MESSAGE = _regex(
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]",
    "MyName",
    "my.name",
    "123-abc",
)
_LABEL_VALUE_MESSAGE = _regex(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character",
    "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
    "MyValue",
    "my_value",
    "12345",
)


def _check(text: str, pattern: re.Pattern[str], limit: int, message: str, *, unit: str = "characters") -> list[str]:
    problems = []
    if len(text.encode()) > limit:
        problems.append(_too_long(limit, unit))
    if not pattern.fullmatch(text):
        problems.append(message)
    return problems


def is_dns1123_label(text: str) -> list[str]:
    dotted = "." in text and _DNS_SUBDOMAIN.fullmatch(text)
    return _check(text, _DNS_LABEL, 63, "must not contain dots" if dotted else _LABEL_MESSAGE)


def is_dns1123_subdomain(text: str) -> list[str]:
    return _check(text, _DNS_SUBDOMAIN, NAME_LENGTH_MAX, _SUBDOMAIN_MESSAGE)


def is_dns1035_label(text: str) -> list[str]:
    return _check(text, _DNS1035, 63, _DNS1035_MESSAGE)


def is_path_segment(text: str) -> list[str]:
    """The loosest rule (RBAC names): anything that cannot be mistaken for another path."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{c}'" for c in ("/", "%") if c in text]


def is_qualified_name(text: str) -> list[str]:
    """A label, annotation or taint key: an optional DNS subdomain, a slash, and a name of at most 63."""
    prefix, slash, rest = text.rpartition("/")
    problems = []
    if slash:
        if not prefix:
            problems.append("prefix part must be non-empty")
        elif "/" in prefix:
            return [
                "a valid label key "
                + _QUALIFIED_MESSAGE
                + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            ]
        else:
            found = _check(prefix, _DNS_SUBDOMAIN, NAME_LENGTH_MAX, _SUBDOMAIN_MESSAGE, unit="bytes")
            problems += [f"prefix part {problem}" for problem in found]
    if not rest:
        problems.append("name part must be non-empty")
    elif len(rest.encode()) > 63:
        problems.append("name part " + _too_long(63, "bytes"))
    if not _QUALIFIED.fullmatch(rest):
        problems.append("name part " + _QUALIFIED_MESSAGE)
    return problems


def label_key_problems(text: str) -> list[str]:
    return is_qualified_name(text)


def label_value_problems(text: str) -> list[str]:
    return _check(text, _LABEL_VALUE, 63, _LABEL_VALUE_MESSAGE, unit="bytes")


def is_environment_name(text: str) -> list[str]:
    if _ENV_NAME.fullmatch(text):
        return []
    return [
        _regex(
            "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and "
            "must not start with a digit",
            "[-._a-zA-Z][-._a-zA-Z0-9]*",
            "my.env-name",
            "MY_ENV.NAME",
            "MyEnvName1",
        )
    ]


def is_config_key(text: str) -> list[str]:
    """A key of ConfigMap or Secret data, which must be usable as a file name."""
    problems = _check(
        text,
        _CONFIG_KEY,
        NAME_LENGTH_MAX,
        _regex(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
            "[-._a-zA-Z0-9]+",
            "key.name",
            "KEY_NAME",
            "key-name",
        ),
    )
    if text == ".":
        problems.append("must not be '.'")
    elif text == "..":
        problems.append("must not be '..'")
    elif text.startswith(".."):
        problems.append("must not start with '..'")
    return problems


def is_port_name(text: str) -> list[str]:
    """An IANA service name: at most 15, with a letter, no doubled or outer hyphens."""
    problems = []
    if len(text) > 15:
        problems.append(_too_long(15))
    if not _PORT_NAME_CHARACTERS.fullmatch(text):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not any("a" <= c <= "z" for c in text):
        problems.append("must contain at least one letter (a-z)")
    if "--" in text:
        problems.append("must not contain consecutive hyphens")
    if text and (text[0] == "-" or text[-1] == "-"):
        problems.append("must not begin or end with a hyphen")
    return problems


def port_number_problems(number: int) -> list[str]:
    return [] if 1 <= number <= 65535 else ["must be between 1 and 65535, inclusive"]


def suffix(source: random.Random, length: int = GENERATED_SUFFIX_LENGTH) -> str:
    return "".join(source.choices(SUFFIX_ALPHABET, k=length))


def generate(prefix: str, source: random.Random) -> str:
    """A name from a ``generateName`` prefix, cut so that the whole stays within 63 characters."""
    return prefix[: 63 - GENERATED_SUFFIX_LENGTH] + suffix(source)


def new_uid(source: random.Random) -> str:
    """A version 4 UUID from the given randomness."""
    bits = source.getrandbits(128) & ~(0xF000 << 64 | 0xC000 << 48) | 4 << 76 | 2 << 62
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
