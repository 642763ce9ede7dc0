"""What crosses the bridge, as values both towers agree on. No I/O, no behaviour beyond decoding.

Desired state goes down as `Update`s of one kind; actual state goes up as `Report`s; a tunnel begins with a
`TunnelOpen`. Kinds are resource plurals ("pods"); names are "<cluster>/<namespace>/<name>", the namespace
empty for what is cluster-scoped.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from bascule.vocabulary import objects

KINDS = ("namespaces", "nodes", "routes", "configmaps", "secrets", "tokens", "services", "endpointslices", "pods")
"""Every kind a node is told, in the order in which a node should learn them: a pod comes after what it uses."""

POD_STATUS = "pod-status"
POD_FINISHED = "pod-finished"
NODE_STATUS = "node-status"
EVENT = "event"


class Position(NamedTuple):
    """Where in the history of which store a state was read. `generation` is a store revision."""

    installation: str
    epoch: int
    generation: int

    def text(self) -> str:
        return f"{self.installation}:{self.epoch}:{self.generation}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Raises ValueError for anything but `<installation>:<epoch>:<generation>`."""
        installation, epoch, generation = text.rsplit(":", 2)
        position = cls(installation, int(epoch), int(generation))
        if not installation or position.epoch < 0 or position.generation < 0:
            raise ValueError(f"not a position in a store's history: {text!r}")
        return position


@dataclass(frozen=True, slots=True)
class Desired:
    """One object a node shall have in force: `body` is its JSON, `version` names that content."""

    kind: str
    name: str
    version: str
    body: bytes
    _decoded: list[objects.Object] = field(default_factory=list, repr=False, compare=False)

    @property
    def key(self) -> objects.Key:
        return objects.Key.parse(self.name)

    def object(self) -> objects.Object:
        """The object, decoded once. Raises msgspec.DecodeError; what a ledger hands out has been checked."""
        if not self._decoded:
            self._decoded.append(msgspec.json.decode(self.body))
        return self._decoded[0]


@dataclass(frozen=True, slots=True)
class Update:
    """A step of one kind's desired state. `confirmed` says that the control side has verified, against the
    store itself, removals that look like an accident."""

    kind: str
    position: Position
    put: tuple[Desired, ...] = ()
    removed: tuple[str, ...] = ()
    confirmed: bool = False


class Objection(enum.IntEnum):
    """Why an update was refused as a whole; the numbers are gRPC status codes on the wire."""

    CONTENT = 3
    POSITION = 9
    UNCONFIRMED = 10
    STORAGE = 13


@dataclass(frozen=True, slots=True)
class Applied:
    """The update is on disk. `changed` are the names whose content differs from before; `kept` are names whose
    removal was not carried out because they belong to an earlier epoch of the store."""

    changed: frozenset[str]
    kept: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Refused:
    """The update changed nothing."""

    objection: Objection
    reason: str


class Refusal(NamedTuple):
    """One object that was received and could not be put in force."""

    name: str
    reason: str


class Report(NamedTuple):
    """A piece of actual state waiting to be acknowledged. `sequence` is new whenever the body is replaced."""

    sequence: int
    kind: str
    name: str
    body: bytes


class Beat(msgspec.Struct, frozen=True, tag="beat"):
    """Node to bridgehead, every second; every other one is answered with the same number."""

    number: int


class Reports(msgspec.Struct, frozen=True, tag="reports"):
    """Node to bridgehead: (sequence, kind, name, body) each."""

    reports: list[tuple[int, str, str, bytes]]


class Acknowledged(msgspec.Struct, frozen=True, tag="acknowledged"):
    """Bridgehead to node: these sequences are in the store; `rejected` will never be, with the reason."""

    sequences: list[int]
    rejected: dict[int, str] = msgspec.field(default_factory=dict)


ActualMessage = Beat | Reports | Acknowledged


class TunnelOpen(msgspec.Struct, frozen=True):
    """The control side asks for a stream. `query` holds the request's parameters as the client gave them."""

    id: str
    verb: str
    cluster: str
    namespace: str
    pod: str
    uid: str = ""
    container: str = ""
    query: Mapping[str, list[str]] = msgspec.field(default_factory=dict)

    def parameter(self, name: str, default: str = "") -> str:
        values = self.query.get(name)
        return values[0] if values else default


class TunnelAnswer(msgspec.Struct, frozen=True):
    """The node's first message on an attached stream: an HTTP status, 200 when the stream is open."""

    code: int = 200
    message: str = ""


def encode(message: Any) -> bytes:
    return msgspec.msgpack.encode(message)


def decode_actual(data: bytes) -> ActualMessage:
    return _ACTUAL.decode(data)


def decode_open(data: bytes) -> TunnelOpen:
    return _OPEN.decode(data)


def decode_answer(data: bytes) -> TunnelAnswer:
    return _ANSWER.decode(data)


_ACTUAL: msgspec.msgpack.Decoder[ActualMessage] = msgspec.msgpack.Decoder(ActualMessage)
_OPEN = msgspec.msgpack.Decoder(TunnelOpen)
_ANSWER = msgspec.msgpack.Decoder(TunnelAnswer)
