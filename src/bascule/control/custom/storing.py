"""What of a schema decides how objects are stored: what is pruned and what is filled in, no more.

Two schemas of one digest prune and default alike, whatever else they demand or describe: what was stored under the one
is as it would be under the other.
"""

from __future__ import annotations

import hashlib
from typing import Final

import orjson

from bascule.control.custom import structural

_DIGEST_BYTES: Final = 12


def digest(node: structural.Node) -> bytes:
    """Of a version's schema."""
    return _digest(node, {})


def _digest(node: structural.Node, made: dict[int, bytes]) -> bytes:
    """`made`: of nodes that stand for several places it is found out once."""
    known = made.get(id(node))
    if known is not None:
        return known
    below = {name: _digest(member, made).hex() for name, member in node.properties.items()}
    lists = _digest(node.items, made).hex() if node.items is not None else ""
    maps = _digest(node.additional, made).hex() if node.additional is not None else ""
    is_open = node.raw.get("additionalProperties") is not None
    flags = [is_open, node.nullable, node.preserve_unknown, node.embedded_resource, node.has_default]
    content = orjson.dumps([below, lists, maps, flags, node.default], option=orjson.OPT_SORT_KEYS)
    found = made[id(node)] = hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()
    return found
