"""The node's end of the desired span: what to claim, what of a response to take, and how to answer it.

Lives as long as the node's process; `open` begins each new stream. An answer without a problem says that the
response is in force. What was refused is remembered over streams, so that it is never claimed. Pure: the ledger
decides whether a whole update is refused, the caller puts it in force; here is only what is said about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bascule.bridge import messages
from bascule.bridge.session import exchange, guard

NOT_THIS_ONE = ""
"""A claim that matches no version: the name is to be sent, or to be removed."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is left of a response after the undecodable has been taken out."""

    nonce: str
    update: messages.Update
    refusals: tuple[messages.Refusal, ...]


class Following:
    def __init__(
        self, node: str, versions: Callable[[str], Mapping[str, str]], kinds: Iterable[str] = messages.KINDS
    ) -> None:
        self._node = node
        self._versions = versions
        self._kinds = tuple(kinds)
        self.refused: dict[str, dict[str, str]] = {kind: {} for kind in self._kinds}

    def open(self, known: messages.Position | None) -> list[exchange.Request]:
        """The first requests of a new stream; only the first names the node."""
        requests = []
        for index, kind in enumerate(self._kinds):
            claims = dict(self._versions(kind)) | dict.fromkeys(self.refused[kind], NOT_THIS_ONE)
            first = index == 0
            requests.append(
                exchange.Request(
                    kind, self._node if first else "", known if first else None, (exchange.EVERYTHING,), (), claims
                )
            )
        return requests

    def received(self, response: exchange.Response) -> Step:
        update = response.update
        sound, refusals = [], []
        for desired in update.put:
            reason = guard.content_objection(desired)
            if reason is None:
                sound.append(desired)
            else:
                refusals.append(messages.Refusal(desired.name, reason))
        if refusals:
            update = messages.Update(update.kind, update.position, tuple(sound), update.removed, update.confirmed)
        return Step(response.nonce, update, tuple(refusals))

    def to_enforce(self, step: Step, applied: messages.Applied) -> frozenset[str]:
        """The names to put in force: what changed, and what comes again because it could not be put in force."""
        update = step.update
        again = self.refused[update.kind].keys() & {*(desired.name for desired in update.put), *update.removed}
        return applied.changed | again

    def settle(self, step: Step, refusals: Iterable[messages.Refusal]) -> exchange.Request:
        """The answer once the update is applied and put in force, but for `refusals`."""
        kind = step.update.kind
        every = (*step.refusals, *refusals)
        answered = {desired.name for desired in step.update.put}.union(step.update.removed)
        for name in answered:
            self.refused[kind].pop(name, None)
        self.refused[kind].update(every)
        if not every:
            return exchange.Request(kind, nonce=step.nonce)
        first = f"{every[0].name}: {every[0].reason}"
        message = first if len(every) == 1 else f"{first} (and {len(every) - 1} more)"
        return exchange.Request(
            kind, nonce=step.nonce, problem=exchange.Problem(messages.Objection.CONTENT, message, every)
        )

    def refuse(self, step: Step, refused: messages.Refused) -> exchange.Request:
        """The answer when nothing of the update was applied."""
        return exchange.Request(
            step.update.kind, nonce=step.nonce, problem=exchange.Problem(refused.objection, refused.reason)
        )
