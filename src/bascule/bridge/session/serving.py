"""The control end of one node's stream: what to send next, given what the node has said.

Keeps only what is outstanding for each kind (to be sent, sent and unanswered, refused): everything else the node
has. So its size follows the changes, not the state. Invariants: one unanswered response for each kind; a nonce
counts only on the kind it was made for; what was refused is not sent again until it differs; a removal is sent
only for a name the node claimed or was sent. Pure: no clock, no I/O.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from bascule.bridge import messages
from bascule.bridge.session import exchange

RESPONSE_ITEMS_MAX = 500
RESPONSE_SIZE_BYTES = 1 << 20


class View(Protocol):
    """What one node shall have, now."""

    def get(self, kind: str, name: str) -> messages.Desired | None: ...

    def names(self, kind: str) -> Iterable[str]: ...

    def position(self, kind: str) -> messages.Position: ...

    def may_remove(self, kind: str, name: str) -> bool:
        """False while it is not certain that what is missing from this view is missing from the store."""
        ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a request told us. `delivered` is in force on the node, with its version (None: removed)."""

    kind: str
    delivered: dict[str, str | None] = field(default_factory=dict)
    refused: tuple[messages.Refusal, ...] = ()
    position: messages.Position | None = None
    problem: exchange.Problem | None = None
    unconfirmed: tuple[str, ...] = ()
    """Removals that the node will carry out only after `Serving.confirm`."""


@dataclass(slots=True)
class _Flight:
    nonce: str
    position: messages.Position
    versions: dict[str, str | None]


@dataclass(slots=True)
class _Span:
    """The state of one kind on the stream."""

    everything: bool = False
    names: set[str] = field(default_factory=set)
    due: set[str] = field(default_factory=set)
    greeting: bool = True
    flight: _Flight | None = None
    refused: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    objection: str = ""
    held_at: messages.Position | None = None
    doubted: set[str] = field(default_factory=set)
    confirmed: set[str] = field(default_factory=set)

    def includes(self, name: str) -> bool:
        return self.everything or name in self.names

    def in_force(self, names: Iterable[str]) -> None:
        for name in names:
            self.refused.pop(name, None)
            self.doubted.discard(name)
            self.confirmed.discard(name)


class Serving:
    def __init__(self, view: View, kinds: Iterable[str] = messages.KINDS) -> None:
        self._view = view
        self._kinds = frozenset(kinds)
        self._spans: dict[str, _Span] = {}
        self._nonces = itertools.count(1)
        self.known: messages.Position | None = None
        """The newest position that the node had reached when it came."""

    @property
    def refused(self) -> dict[str, dict[str, str]]:
        """kind -> name -> reason, of what the node could not put in force and was not sent anew since."""
        return {
            kind: {name: reason for name, (_, reason) in span.refused.items()}
            for kind, span in self._spans.items()
            if span.refused
        }

    @property
    def objections(self) -> dict[str, str]:
        """kind -> reason, where the node took nothing of the newest response: it knows of something newer, or
        cannot store."""
        return {kind: span.objection for kind, span in self._spans.items() if span.objection}

    def settled(self, kind: str) -> bool:
        """Whether all the node shall have of this kind is in force there."""
        span = self._spans.get(kind)
        return span is not None and not (span.greeting or span.due or span.flight or span.refused or span.objection)

    def received(self, request: exchange.Request) -> Receipt:
        if request.known is not None:
            self.known = request.known
        if request.kind not in self._kinds:
            return Receipt(request.kind)
        span = self._spans.get(request.kind)
        if span is None:
            span = self._spans[request.kind] = _Span()
            self._begin(span, request)
        self._subscribe(span, request)
        return self._answered(span, request)

    def changed(self, kind: str, names: Iterable[str]) -> None:
        """These may differ from what the node has, or be gone."""
        span = self._spans.get(kind)
        if span is not None:
            span.due.update(names if span.everything else span.names.intersection(names))

    def confirm(self, kind: str, names: Iterable[str]) -> None:
        """Has these removals sent again, as verified with the store; others that were doubted wait on."""
        span = self._spans.get(kind)
        if span is not None:
            span.confirmed = span.doubted.intersection(names)

    def retry(self, kind: str) -> None:
        """Lets a response be sent again that the node could not store, or thought older than what it has."""
        span = self._spans.get(kind)
        if span is not None:
            span.held_at = None

    def next(self) -> exchange.Response | None:
        """The next response that may be sent, in the order of `messages.KINDS`."""
        for kind in messages.KINDS:
            span = self._spans.get(kind)
            if span is not None and span.flight is None and (span.due or span.greeting):
                response = self._compose(kind, span)
                if response is not None:
                    return response
        return None

    def _begin(self, span: _Span, request: exchange.Request) -> None:
        span.everything = not request.subscribe
        if exchange.EVERYTHING in request.subscribe:
            span.everything = True
        span.names.update(name for name in request.subscribe if name != exchange.EVERYTHING)
        position = self._view.position(request.kind)
        claims = request.claims
        if self.known is None or self.known[:2] != position[:2]:
            claims = {}  # made in another epoch of the store: it has to be told everything again
        names = self._view.names(request.kind) if span.everything else span.names
        for name in names:
            desired = self._view.get(request.kind, name)
            if desired is None or claims.get(name) != desired.version:
                span.due.add(name)
        for name in claims:
            if span.includes(name) and self._view.get(request.kind, name) is None:
                span.due.add(name)

    def _subscribe(self, span: _Span, request: exchange.Request) -> None:
        """Holds even when the request's nonce is stale."""
        for name in request.unsubscribe:
            if name == exchange.EVERYTHING:
                span.everything = False
                span.due &= span.names
            else:
                span.names.discard(name)
                if span.everything:
                    span.due.add(name)
                else:
                    span.due.discard(name)
        if span.greeting and span.flight is None and not request.nonce:
            return  # `_begin` has taken the first subscription, with the claims that go with it
        for name in request.subscribe:
            if name == exchange.EVERYTHING:
                span.everything = True
                span.due.update(self._view.names(request.kind))
            else:
                span.names.add(name)
                span.due.add(name)
                span.refused.pop(name, None)

    def _answered(self, span: _Span, request: exchange.Request) -> Receipt:
        flight = span.flight
        if flight is None or request.nonce != flight.nonce:
            return Receipt(request.kind)
        span.flight = None
        span.objection = ""
        problem = request.problem
        if problem is None:
            span.in_force(flight.versions)
            return Receipt(request.kind, flight.versions, position=flight.position)
        if problem.objection is messages.Objection.CONTENT:
            return self._content_refused(span, flight, request.kind, problem)
        span.due.update(flight.versions)
        span.greeting = span.greeting or not flight.versions
        if problem.objection is messages.Objection.UNCONFIRMED:
            doubted = tuple(name for name, version in flight.versions.items() if version is None)
            span.doubted.update(doubted)
            return Receipt(request.kind, problem=problem, unconfirmed=doubted)
        span.held_at = flight.position
        span.objection = problem.message
        return Receipt(request.kind, problem=problem)

    def _content_refused(self, span: _Span, flight: _Flight, kind: str, problem: exchange.Problem) -> Receipt:
        named = tuple(refusal for refusal in problem.refusals if refusal.name in flight.versions)
        refused = named or tuple(messages.Refusal(name, problem.message) for name in flight.versions)
        for refusal in refused:
            span.refused[refusal.name] = (flight.versions[refusal.name], refusal.reason)
        delivered = {name: version for name, version in flight.versions.items() if name not in dict(refused)}
        span.in_force(delivered)
        position = flight.position if named else None
        return Receipt(kind, delivered, refused, position, problem)

    def _compose(self, kind: str, span: _Span) -> exchange.Response | None:
        position = self._view.position(kind)
        if span.held_at is not None:
            if span.held_at == position:
                return None
            span.held_at = None
        put: list[messages.Desired] = []
        removed: list[str] = []
        size_bytes = 0
        for name in sorted(span.due):
            desired = self._view.get(kind, name)
            version = desired.version if desired else None
            if not span.includes(name) or (name in span.refused and span.refused[name][0] == version):
                span.due.discard(name)
            elif desired is None:
                if self._view.may_remove(kind, name):
                    removed.append(name)
            elif len(put) < RESPONSE_ITEMS_MAX and size_bytes < RESPONSE_SIZE_BYTES:
                put.append(desired)
                size_bytes += len(desired.body)
        confirmed = span.confirmed.intersection(removed)
        removed = sorted(confirmed) if confirmed else [name for name in removed if name not in span.doubted]
        if not (put or removed or span.greeting):
            return None
        span.greeting = False
        versions: dict[str, str | None] = {desired.name: desired.version for desired in put}
        versions.update(dict.fromkeys(removed))
        span.due.difference_update(versions)
        span.flight = _Flight(str(next(self._nonces)), position, versions)
        update = messages.Update(kind, position, tuple(put), tuple(removed), bool(confirmed))
        return exchange.Response(span.flight.nonce, update)
