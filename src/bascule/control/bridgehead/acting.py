"""Writing to the API in a node's name, so that Node authorization holds for what came over the bridge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from bascule.bridge.identity import nodes


class Actor(TypedDict):
    as_user: str
    as_groups: Sequence[str]
    field_manager: str


def as_node(node: str) -> Actor:
    return {"as_user": nodes.user_name(node), "as_groups": (nodes.GROUP,), "field_manager": "bascule-agent"}
