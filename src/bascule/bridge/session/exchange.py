"""What the two ends of the desired span say to each other, free of its encoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bascule.bridge import messages

EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a response was not acknowledged. With `refusals`, everything in the response but those is in force."""

    objection: messages.Objection
    message: str
    refusals: tuple[messages.Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """Node to control. The first of a stream carries `node` and `known`, the position its claims are made at;
    the first of a kind carries `claims`: what the node has, by name and version ("" for "not this one")."""

    kind: str
    node: str = ""
    known: messages.Position | None = None
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    claims: Mapping[str, str] = field(default_factory=dict)
    nonce: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """Control to node. `nonce` is unique on its stream; the answer repeats it."""

    nonce: str
    update: messages.Update

    @property
    def kind(self) -> str:
        return self.update.kind
