"""What the node's end of the bridge needs of the rest of the node, and what it offers in return. No I/O.

The data tower implements `Ledger`, `OnDesired` and `TunnelHandler`; the bridge implements `TunnelStream`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from bascule.bridge import messages


class Ledger(Protocol):
    """`bascule.data.ledger.ledger.Ledger`, as far as the bridge uses it."""

    @property
    def position(self) -> messages.Position | None: ...

    def versions(self, kind: str) -> Mapping[str, str]: ...

    def apply(self, update: messages.Update) -> messages.Applied | messages.Refused: ...

    def pending(self, limit: int = ...) -> list[messages.Report]: ...

    def acknowledge(self, sequence: int) -> None: ...

    async def reported(self) -> None: ...


OnDesired = Callable[[str, frozenset[str]], Awaitable[list[messages.Refusal]]]
"""Called with a kind and the names that changed, already in the ledger; returns when they are in force, naming
those that could not be brought in force. The bridge acknowledges only then."""


OnConnected = Callable[[], None]
"""Called on every new connection: the node says everything of itself and its pods again, for nobody knows what was
concluded of it meanwhile. What the control side knows already costs it nothing."""

OnRefused = Callable[[str, str], None]
"""Called with a kind and the reason when desired state was refused or could not be brought in force."""


class TunnelStream(Protocol):
    """One stream from the control side, ordered, with backpressure both ways."""

    async def accept(self) -> None:
        """Tells the control side that the stream is open; implied by the first `send`."""
        ...

    async def refuse(self, code: int, message: str) -> None:
        """Answers with an HTTP status instead of opening (404: no such container). Ends the stream."""
        ...

    async def receive(self) -> bytes | None:
        """The next message; None once the control side has finished sending or is gone."""
        ...

    async def send(self, data: bytes) -> None:
        """Returns when the message may be followed by another. Raises ConnectionError when the peer is gone."""
        ...

    async def close(self) -> None:
        """No more messages follow. Implied by the handler's return."""
        ...


TunnelHandler = Callable[[messages.TunnelOpen, TunnelStream], Awaitable[None]]
"""Serves one stream until it is done; cancelled when the control side goes away. An exception before `accept`
answers 500 with its text."""
