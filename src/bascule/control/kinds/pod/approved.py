"""Specs that passed validation lately.

The pods of one workload have the same spec but for a few fields, and a workload's template is checked again with each
change of its replicas. Remembering that a spec had no problems makes the second check five times cheaper than the
first. Only digests are kept, and only of specs without problems: what is refused is always explained anew. The random
name of a service account's volume, which makes every pod unlike its siblings, is left out of them: where one name of
that form stands for another throughout, no rule's answer changes.

Pods of which each has a spec of its own still have parts in common, such as a token's volume, tolerations, probes and
amounts of resources: what judges a part that depends on nothing around it can be a `part` here.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Concatenate, ParamSpec, TypeVar

import orjson

from bascule.vocabulary.objects import Object

P = ParamSpec("P")
T = TypeVar("T")
V = TypeVar("V")
_REMEMBERED_MAX = 8192
_PARTS_MAX = 1024
_PART_BYTES_MAX = 2048
_POD = b"pod"
_TOKEN_VOLUME = re.compile(rb'"kube-api-access-[a-z0-9]{5}"')
_digests: dict[bytes, tuple[str, ...] | None] = {}
"""With what those who create a pod of the spec are warned of, where that was found out."""


def digest(spec: Object, *, pod: bool = False) -> bytes | None:
    """What stands for a spec, or None when it cannot be encoded (and so is not remembered).

    Pods and templates have rules of their own, so `pod` is part of it.
    """
    try:
        encoded = orjson.dumps(spec)
    except TypeError:
        return None
    token_volume = _TOKEN_VOLUME.search(encoded)
    if token_volume is not None:
        # Only the first such name, so that two that differ never look like one given twice.
        encoded = encoded.replace(token_volume[0], b"")
    return hashlib.blake2b(encoded, digest_size=16, person=_POD if pod else b"").digest()


def knows(key: bytes | None) -> bool:
    return key in _digests


def warnings(key: bytes | None) -> tuple[str, ...] | None:
    """What is to be said of a new pod of a spec in which nothing is wrong; None when that is not known."""
    return None if key is None else _digests.get(key)


def remember(key: bytes | None, warned: tuple[str, ...] | None = None) -> None:
    if key is not None:
        if len(_digests) >= _REMEMBERED_MAX:
            _digests.pop(next(iter(_digests)), None)
        _digests[key] = warned


def part(rules: Callable[Concatenate[str, V, P], Iterator[T]]) -> Callable[Concatenate[str, V, P], Iterator[T]]:
    """The same rules (or warnings) of what is at a path, not asked again about a small part that passed lately.

    What follows the part is all that they know of what it is a part of: JSON too.
    """
    clean: dict[bytes, None] = {}

    @functools.wraps(rules)
    def unless_clean(path: str, value: V, /, *around: P.args, **named: P.kwargs) -> Iterator[T]:
        try:
            key = orjson.dumps([value, *around])
        except TypeError:
            key = b""
        if key in clean and not named:
            return iter(())
        found = list(rules(path, value, *around, **named))
        if not found and not named and 0 < len(key) <= _PART_BYTES_MAX:
            if len(clean) >= _PARTS_MAX:
                clean.pop(next(iter(clean)), None)
            clean[key] = None
        return iter(found)

    return unless_clean
