"""The node's end of the bridge. (Signatures first; the transport follows.)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bascule.bridge import contracts
from bascule.vocabulary import clock as clocks


@dataclass(frozen=True)
class Credentials:
    """Where the node's PEM files are; read again for each connection, so that a renewal needs no restart."""

    certificate: Path
    key: Path
    ca: Path


@dataclass
class Status:
    connected_since: datetime | None = None
    last_contact: datetime | None = None
    bridge: str = ""
    problem: str = ""
    refused: dict[str, dict[str, str]] = field(default_factory=dict)  # kind -> name -> reason
    certificate_expires: datetime | None = None


class NodeEnd:
    """Keeps a node joined to whichever bridgehead answers. `run` ends only by cancellation."""

    def __init__(
        self,
        node: str,
        addresses: Sequence[str],
        credentials: Credentials,
        ledger: contracts.Ledger,
        on_desired: contracts.OnDesired,
        on_tunnel: contracts.TunnelHandler,
        *,
        clock: clocks.Clock | None = None,
    ) -> None:
        self.status = Status()

    async def run(self) -> None:
        raise NotImplementedError
