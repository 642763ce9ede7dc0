"""The process `python -m bascule.control.controllers`: all built-in controllers behind one kubeconfig."""

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from bascule.client import api, kubeconfig
from bascule.control.controllers import assembly, options
from bascule.control.reconcile import manager, port

_STOP_SECONDS = 4.0


def main(arguments: Sequence[str] | None = None) -> int:
    parsed = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    logging.getLogger().handlers[0].setFormatter(_JsonLines())
    try:
        connection = kubeconfig.load(parsed.kubeconfig)
        root_ca = parsed.root_ca.read_text() if parsed.root_ca else kubeconfig.authority(parsed.kubeconfig)
        chosen = options.Options(
            root_ca=root_ca,
            node_monitor_grace_seconds=parsed.node_monitor_grace,
            node_lease_grace_seconds=parsed.node_lease_grace,
            cluster_cidr=parsed.cluster_cidr if parsed.allocate_node_cidrs else "",
            terminated_pods_kept=parsed.terminated_pods_kept,
        )
    except (kubeconfig.KubeconfigError, OSError, ValueError) as error:
        print(f"controllers: {error}", file=sys.stderr)
        return 2
    uvloop.run(_serve(connection, chosen, parsed.host, parsed.port))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bascule controllers", description=__doc__)
    parser.add_argument(
        "--kubeconfig", type=Path, required=True, help="who these controllers are, and where the API is"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address of /healthz, /metrics, /quarantine")
    parser.add_argument("--port", type=int, default=0, help="its port (default: 0, any)")
    parser.add_argument("--root-ca", type=Path, help="bundle for kube-root-ca.crt (default: the kubeconfig's)")
    grace = "how long a node may be %s before it counts as lost (default: %%(default)g)"
    parser.add_argument("--node-monitor-grace", type=float, default=5.0, metavar="SECONDS", help=grace % "unconnected")
    parser.add_argument(
        "--node-lease-grace",
        type=float,
        default=40.0,
        metavar="SECONDS",
        help=grace % "without renewing its Lease, where no bridgehead vouches for it,",
    )
    parser.add_argument("--allocate-node-cidrs", action="store_true", help="give every node a pod range of its own")
    parser.add_argument("--cluster-cidr", default="10.244.0.0/16", help="where from (default: %(default)s)")
    parser.add_argument(
        "--terminated-pods-kept",
        type=int,
        default=12500,
        help="finished pods before old ones go (default: %(default)s)",
    )
    return parser


async def _serve(connection: kubeconfig.Connection, chosen: options.Options, host: str, at: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with api.Client(connection, user_agent="bascule-controllers") as client:
        boss = manager.Manager(client, "bascule-controllers")
        assembly.assemble(boss, chosen)
        async with port.serving(boss, host=host, port=at) as address:
            running = asyncio.create_task(boss.run())
            print(json.dumps({"ready": "controllers", "address": address}), flush=True)
            await stop.wait()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(running, _STOP_SECONDS)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)
