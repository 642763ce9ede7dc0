"""`python -m bascule.control.bridgehead`: the process."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from bascule.bridge.identity import faults
from bascule.client import kubeconfig
from bascule.control.bridgehead import app

COMPONENT = "bridgehead"


def main() -> int:
    arguments = _arguments()
    _log_json(arguments.log_level)
    binds = arguments.bind or ["127.0.0.1"]
    settings = app.Settings(
        kubeconfig=arguments.kubeconfig,
        data_dir=arguments.data_dir,
        binds=[bind if ":" in bind else f"{bind}:{arguments.port}" for bind in binds],
        https_binds=_https(binds[0].split(":")[0], arguments.tunnel_port, arguments.admin_port),
        advertise=arguments.advertise,
    )
    try:
        asyncio.run(_run(settings))
    except FileNotFoundError as error:
        print(f"bridgehead: {error.filename} is missing; start with `bascule up`, which creates it", file=sys.stderr)
        return 1
    except (OSError, kubeconfig.KubeconfigError, faults.IdentityError) as error:
        print(f"bridgehead: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(settings: app.Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    serving = asyncio.ensure_future(app.serve(settings, _ready))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    serving.cancel()
    try:
        await serving
    except asyncio.CancelledError:
        pass


def _https(host: str, tunnel_port: int, admin_port: int | None) -> list[str]:
    return [f"{host}:{port}" for port in (tunnel_port, admin_port) if port is not None]


def _ready(running: app.App) -> None:
    line = {
        "ready": COMPONENT,
        "address": running.addresses[0],
        "addresses": running.addresses,
        "tunnel": running.https_address,
        "join": running.https_address,
        "admin": running.https_address,
    }
    print(json.dumps(line), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bascule-bridgehead", description="The control end of the bridge.")
    parser.add_argument("--kubeconfig", type=Path, required=True, help="the bridgehead's own identity")
    parser.add_argument(
        "--data-dir", type=Path, required=True, help="the installation's data directory (pki/, control/)"
    )
    parser.add_argument("--bind", action="append", help="address or address:port for nodes; may be repeated")
    parser.add_argument("--port", type=int, default=0, help="port for nodes, 0 for any")
    parser.add_argument("--tunnel-port", type=int, default=0, help="HTTPS port: tunnels, joining, operator, metrics")
    parser.add_argument("--admin-port", type=int, help="a further port for the same")
    parser.add_argument("--advertise", default="", help="the host by which nodes and the API server reach this one")
    parser.add_argument("--log-level", default="INFO")
    return parser.parse_args()


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat()
        line = {"time": moment, "level": record.levelname, "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _log_json(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    logging.basicConfig(level=level, handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())
