"""``python -m bascule.control.scheduler``: the scheduler behind one kubeconfig."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import signal
import sys
from pathlib import Path

import click
import uvloop

from bascule.client import api, kubeconfig
from bascule.control.reconcile import manager, port
from bascule.control.scheduler.service import Service
from bascule.vocabulary.clock import SystemClock

STOP_SECONDS = 4.0


async def serve(connection: kubeconfig.Connection, host: str, number: int) -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    async with api.Client(connection, user_agent="bascule-scheduler") as client:
        boss = manager.Manager(client, "default-scheduler")
        Service(boss, clock=SystemClock(), source=random.Random())
        async with port.serving(boss, host=host, port=number) as address:
            running = asyncio.create_task(boss.run())
            print(json.dumps({"ready": "scheduler", "address": address}), flush=True)
            await stop.wait()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(running, STOP_SECONDS)


@click.command()
@click.option("--kubeconfig", "path", type=click.Path(path_type=Path), required=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="address of /healthz and /metrics")
@click.option("--port", "number", default=0, show_default=True)
def main(path: Path, host: str, number: int) -> None:
    """Give pending pods a node."""
    logging.basicConfig(
        level=logging.INFO, format='{"time": "%(asctime)s", "level": "%(levelname)s", "message": "%(message)s"}'
    )
    try:
        connection = kubeconfig.load(path)
    except kubeconfig.KubeconfigError as error:
        sys.exit(f"scheduler: {error}")
    uvloop.run(serve(connection, host, number))


if __name__ == "__main__":
    main()
