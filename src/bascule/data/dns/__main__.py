"""``python -m bascule.data.dns``: the node's DNS, following the ledger. Prints its ready line once it answers."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sqlite3
import sys
from pathlib import Path

import click

from bascule.data.dns import forward, server
from bascule.data.dns.zone import Zone
from bascule.data.ledger import reader
from bascule.data.network import local
from bascule.vocabulary import conditions

FOLLOW_SECONDS = 0.25
"""How often the ledger's change counter is looked at: one page of memory, microseconds."""

logger = logging.getLogger("bascule.data.dns")


def own_pods(source: reader.Reader) -> dict[str, local.Observed]:
    """Where the agent last saw this node's pods, and whether they were ready."""
    pods = {}
    for key, stored in source.memories(local.STATUS).items():
        status = json.loads(stored)
        ready = (conditions.find(status.get("conditions"), "Ready") or {}).get("status") == "True"
        pods[key.removeprefix(local.STATUS)] = local.Observed(status.get("podIP") or "", ready)
    return pods


async def follow(path: Path, domain: str, answering: server.Server) -> None:
    """Makes a new zone whenever the ledger has changed. A ledger that cannot be read leaves the last zone in force."""
    source: reader.Reader | None = None
    seen = -1
    while True:
        try:
            if source is None:
                source, seen = reader.Reader.open(path), -1
            counter = source.change_counter()
            if counter != seen:
                services = [desired.object() for desired in source.all("services")]
                slices = [desired.object() for desired in source.all("endpointslices")]
                known = local.corrected(services, slices, own_pods(source))
                answering.replace_zone(Zone(domain, services, known))
                seen = counter
        except (sqlite3.Error, ValueError) as error:
            if source is not None:
                logger.warning("the ledger cannot be read, the last known names stay: %s", error)
                source.close()
            source = None
        await asyncio.sleep(FOLLOW_SECONDS)


async def run(ledger: Path, listen: str, port: int, domain: str, upstream: list[str]) -> None:
    resolvers = upstream or forward.system_resolvers(but_not=frozenset({listen}))
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with server.Server(Zone(domain), forward.Forwarder(resolvers)) as answering:
        try:
            bound = await answering.start(listen, port)
        except OSError as error:
            sys.exit(
                f"cannot answer DNS on {listen}:{port}: {error.strerror or error}\n"
                f"Another resolver may hold that address; stop it, or choose another with --listen and --port."
            )
        following = asyncio.create_task(follow(ledger, domain, answering))
        print(json.dumps({"ready": "dns", "address": f"{listen}:{bound}"}), flush=True)
        await stopping.wait()
        following.cancel()


@click.command()
@click.option("--ledger", type=click.Path(path_type=Path), required=True, help="the node's ledger file")
@click.option("--listen", default="127.0.0.1", show_default=True, help="the address to answer on")
@click.option("--port", default=53, show_default=True, help="0 picks a free one")
@click.option("--domain", default="cluster.local", show_default=True)
@click.option("--upstream", multiple=True, help="resolvers for other names; default: the node's own")
def main(ledger: Path, listen: str, port: int, domain: str, upstream: tuple[str, ...]) -> None:
    """Answer DNS for Services and pods from the node's ledger."""
    logging.basicConfig(
        level=logging.INFO, format='{"time": "%(asctime)s", "level": "%(levelname)s", "message": "%(message)s"}'
    )
    asyncio.run(run(ledger, listen, port, domain.rstrip(".").lower(), list(upstream)))


if __name__ == "__main__":
    main()
