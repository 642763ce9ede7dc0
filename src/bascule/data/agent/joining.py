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

_log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
CONFLICT = "the object has been modified"  # another node used the same token at the same moment


async def stay_joined(
    chosen: argparse.Namespace,
    node: str,
    directory: Path,
    ledger: contracts.Ledger,
    on_desired: contracts.OnDesired,
    on_tunnel: contracts.TunnelHandler,
) -> None:
    """Until cancelled. SystemExit only where trying again cannot help."""
    await join_once(chosen, node, directory)
    await follow(chosen, node, directory, ledger, on_desired, on_tunnel)


async def join_once(chosen: argparse.Namespace, node: str, directory: Path) -> None:
    """The node has an identity when this returns."""
    if nodes.load(directory) is None:
        await _join(chosen, node, directory)


async def follow(
    chosen: argparse.Namespace,
    node: str,
    directory: Path,
    ledger: contracts.Ledger,
    on_desired: contracts.OnDesired,
    on_tunnel: contracts.TunnelHandler,
) -> None:
    await NodeEnd(node, chosen.bridge, Credentials.of_node(directory), ledger, on_desired, on_tunnel).run()


async def _join(chosen: argparse.Namespace, node: str, directory: Path) -> None:
    from bascule.bridge import join  # aiohttp and its weight only where it is needed, once

    problem = ""
    while True:
        try:
            token = options.token(chosen)
            await join.join(chosen.bridge, node, token, directory, ca_pin=chosen.ca_hash, ca=chosen.ca_file)
            _log.info("joined", extra={"node": node})
            return
        except join.JoinError as error:
            if error.exit_code != join.UNREACHABLE and CONFLICT not in str(error):
                raise SystemExit(f"node {node} cannot join: {error}") from error
            if str(error) != problem:
                problem = str(error)
                _log.warning("no bridgehead to join at yet", extra={"node": node, "problem": problem})
        await asyncio.sleep(RETRY_SECONDS)
