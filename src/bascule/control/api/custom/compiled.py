"""A definition made ready to serve: every version compiled, also those that are only stored.

A version's token names what its schema prunes and fills in. It is kept with each object written under it: while it is
still the version's own, the stored bytes are pruned and defaulted as they should be and need not be looked at.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from bascule.vocabulary import objects

if TYPE_CHECKING:
    from bascule.control.kinds import custom_kinds


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Compiled:
    """`tokens` by version; `kept` the token of the version that stores."""

    definition: custom_kinds.Definition
    tokens: dict[str, str]
    conversion: objects.Object

    @property
    def storage(self) -> str:
        return self.definition.storage

    def api_version(self, version: str) -> str:
        return f"{self.definition.group}/{version}"

    def same_content(self, one: str, other: str) -> bool:
        """Whether tokens, of any version, name the same schema."""
        return one.partition(".")[2] == other.partition(".")[2] != ""


def compile(crd: objects.Object) -> Compiled:
    """Raises whatever a definition that never validated makes go wrong."""
    # In the thread that compiles: schemas and expressions come with it.
    from bascule.control.custom import storing
    from bascule.control.kinds import custom_kinds

    definition = custom_kinds.compile(crd)
    tokens = {}
    for version in crd["spec"]["versions"]:
        name = version["name"]
        stored = storing.digest(definition.known[name].node)
        tokens[name] = f"{name}.{_digest(stored, version.get('selectableFields'))}"
    return Compiled(definition, tokens, definition.conversion)


def _digest(stored: bytes, selectable: object) -> str:
    content = stored + orjson.dumps(selectable, option=orjson.OPT_SORT_KEYS)
    return base64.b64encode(hashlib.blake2b(content, digest_size=6).digest()).decode()
