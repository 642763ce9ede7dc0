"""Specs that passed validation lately.

The pods of one workload have the same spec but for a few fields, and a workload's template is checked again with each
change of its replicas. Remembering that a spec had no problems makes the second check five times cheaper than the
first. Only digests are kept, and only of specs without problems: what is refused is always explained anew.
"""

from __future__ import annotations

import hashlib

import orjson

from bascule.vocabulary.objects import Object

_REMEMBERED_MAX = 8192
_digests: dict[bytes, None] = {}


def digest(spec: Object) -> bytes | None:
    """What stands for a spec, or None when it cannot be encoded (and so is not remembered)."""
    try:
        return hashlib.blake2b(orjson.dumps(spec), digest_size=16).digest()
    except TypeError:
        return None


def knows(key: bytes | None) -> bool:
    return key in _digests


def remember(key: bytes | None) -> None:
    if key is not None:
        if len(_digests) >= _REMEMBERED_MAX:
            _digests.pop(next(iter(_digests)), None)
        _digests[key] = None
