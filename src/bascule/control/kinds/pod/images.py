"""Images and when they are pulled."""

from __future__ import annotations

import re
from functools import lru_cache

from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors

_POLICIES = ("Always", "IfNotPresent", "Never")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])"
_REFERENCE = re.compile(
    rf"(?:{_HOST}(?::[0-9]+)?/)?{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?P<digest>@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)


@lru_cache(maxsize=4096)
def pull_policy(image: str) -> str:
    """`Always` for the tag `latest` or no tag at all; digests and what cannot be read are not pulled again."""
    reference = _REFERENCE.fullmatch(image)
    if reference is None:
        return "IfNotPresent"
    tag = reference["tag"] or ("" if reference["digest"] else "latest")
    return "Always" if tag == "latest" else "IfNotPresent"


def policy_problems(path: str, policy: object) -> Causes:
    if policy in _POLICIES:
        return
    if not policy:
        yield errors.required(path, "")
    elif type(policy) is str:
        yield errors.not_supported(path, policy, _POLICIES)
