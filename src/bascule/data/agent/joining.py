"""Joining with a bootstrap token, once, and staying joined. Pods run meanwhile, from the ledger."""

from __future__ import annotations

import argparse
import asyncio
import logging
from pathlib import Path

from bascule.bridge import contracts
from bascule.bridge.identity import nodes
from bascule.bridge.node import Credentials, NodeEnd
from bascule.data.agent import options
from bascule.data.ledger.ledger import Ledger

_log = logging.getLogger(__name__)


class JoinError(Exception):
    """The node cannot become part of the platform; the message says what to do."""


async def stay_joined(
    chosen: argparse.Namespace,
    directory: Path,
    ledger: Ledger,
    on_desired: contracts.OnDesired,
    on_tunnel: contracts.TunnelHandler,
) -> None:
    """Until cancelled."""
    if nodes.load(directory) is None:
        await join(chosen, directory, chosen.node_name)
    credentials = Credentials.of_node(directory)
    await NodeEnd(chosen.node_name, chosen.bridge, credentials, ledger, on_desired, on_tunnel).run()
