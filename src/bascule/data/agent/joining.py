"""Joining with a bootstrap token, once, and staying joined. Pods run meanwhile, from the ledger."""

from __future__ import annotations

import argparse
import asyncio
import logging
from pathlib import Path
from typing import Protocol

from bascule.bridge import contracts, messages, renewing
from bascule.bridge.identity import faults, nodes
from bascule.bridge.node import Credentials, NodeEnd
from bascule.data.agent import options
from bascule.data.agent.host import Host
from bascule.vocabulary import clock as clocks

_log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
EXPIRY_LOOK_SECONDS = 60.0
CONFLICT = "the object has been modified"  # another node used the same token at the same moment


class Agent(Protocol):
    """`node.Node`, as far as the bridge speaks to it."""

    @property
    def host(self) -> Host: ...

    async def on_desired(self, kind: str, names: frozenset[str]) -> list[messages.Refusal]: ...

    def on_connected(self) -> None: ...

    def on_refused(self, kind: str, reason: str) -> None: ...


async def stay_joined(
    chosen: argparse.Namespace,
    node: str,
    directory: Path,
    ledger: contracts.Ledger,
    agent: Agent,
    on_tunnel: contracts.TunnelHandler,
) -> None:
    """Until cancelled. SystemExit only where trying again cannot help."""
    await join_once(chosen, node, directory)
    await follow(chosen, node, directory, ledger, agent, on_tunnel)


async def join_once(chosen: argparse.Namespace, node: str, directory: Path) -> None:
    """The node has an identity when this returns, be it an expired one."""
    if nodes.load(directory) is None:
        await _join(chosen, node, directory)


async def follow(
    chosen: argparse.Namespace,
    node: str,
    directory: Path,
    ledger: contracts.Ledger,
    agent: Agent,
    on_tunnel: contracts.TunnelHandler,
) -> None:
    end = NodeEnd(
        node,
        chosen.bridge,
        Credentials.of_node(directory),
        ledger,
        agent.on_desired,
        on_tunnel,
        on_connected=agent.on_connected,
        on_refused=agent.on_refused,
        offline_grace_seconds=chosen.offline_grace,
    )
    agent.host.link.connected = lambda: end.status.connected_since is not None
    again = asyncio.create_task(_join_again(chosen, node, directory))
    try:
        await end.run()
    finally:
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)


async def _join_again(chosen: argparse.Namespace, node: str, directory: Path) -> None:
    """Once the certificate has expired, joins anew as soon as there is a token that is good for it. Meanwhile what
    runs goes on, from the ledger; the connection takes the new certificate up by itself."""
    denied = problem = ""
    while True:
        pause_seconds = EXPIRY_LOOK_SECONDS
        try:
            identity = nodes.load(directory)
            if identity is not None and identity.expired(clocks.SystemClock()):
                pause_seconds = RETRY_SECONDS
                token = options.token(chosen)
                if token and token != denied:
                    answer, final = await _ask_again(chosen, node, directory, token)
                    denied = token if final else ""
                    if answer and answer != problem:
                        _log.warning("not joined again", extra={"node": node, "problem": answer})
                    problem = answer
        except (OSError, faults.IdentityError) as error:
            _log.warning("the node's identity cannot be used", extra={"node": node, "problem": str(error)})
        await asyncio.sleep(pause_seconds)


async def _ask_again(chosen: argparse.Namespace, node: str, directory: Path, token: str) -> tuple[str, bool]:
    """Why it has not joined, "" when it has; and whether this token will never do."""
    from bascule.bridge import join

    try:
        await _ask(chosen, node, directory, token)
    except join.JoinError as error:
        return str(error), error.exit_code != join.UNREACHABLE and CONFLICT not in str(error)
    return "", False


async def _ask(chosen: argparse.Namespace, node: str, directory: Path, token: str) -> None:
    from bascule.bridge import join  # aiohttp and its weight only where it is needed, once

    await join.join(
        chosen.bridge,
        node,
        token,
        directory,
        ca_pin=chosen.ca_hash,
        ca=chosen.ca_file,
        lifetime_seconds=renewing.lifetime_seconds(chosen.offline_grace),
    )
    _log.info("joined", extra={"node": node})


async def _join(chosen: argparse.Namespace, node: str, directory: Path) -> None:
    from bascule.bridge import join

    problem = ""
    while True:
        try:
            await _ask(chosen, node, directory, options.token(chosen))
            return
        except join.JoinError as error:
            if error.exit_code != join.UNREACHABLE and CONFLICT not in str(error):
                raise SystemExit(f"node {node} cannot join: {error}") from error
            if str(error) != problem:
                problem = str(error)
                _log.warning("no bridgehead to join at yet", extra={"node": node, "problem": problem})
        await asyncio.sleep(RETRY_SECONDS)
