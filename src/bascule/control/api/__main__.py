"""`python -m bascule.control.api`: the API server as a process."""

from __future__ import annotations

import gc

if __name__ == "__main__":
    # Until it is ready all that is made stays; what comes and goes with requests is freed by counting. Looking for
    # cycles is of no use before (a tenth of all imports), and may be rare afterwards.
    gc.disable()

# isort: split
from bascule.control.api import trust  # noqa: F401 - before anything that imports aiohttp

# isort: split
import asyncio
import dataclasses
import errno
import os
import random
import signal
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import orjson
import uvloop

from bascule.bridge.identity import faults, pki
from bascule.control.access import static_tokens
from bascule.control.api import assembly, logs
from bascule.control.api import platform as platforms
from bascule.control.api.streaming import bridge
from bascule.control.api.wire import server
from bascule.control.schema import catalog
from bascule.control.store import contract
from bascule.control.store.sqlite import store as sqlite
from bascule.vocabulary import clock

_EXIT_BAD_SETUP: Final = 2
_COLLECT_AFTER: Final = 20_000
_LOCAL: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""How an address that stands for all of the machine's is reached from the machine itself."""


@click.command(name="api")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), required=True, help="Keys and state.")
@click.option(
    "--bind",
    "binds",
    multiple=True,
    default=("127.0.0.1",),
    show_default=True,
    help="Address to listen on; repeatable. Kubeconfigs name the first.",
)
@click.option("--port", default=6443, show_default=True, help="Port to listen on; 0 picks one.")
@click.option(
    "--store",
    "engine",
    type=click.Choice(["sqlite", "memory"]),
    default="sqlite",
    show_default=True,
    help="Where objects are kept; memory forgets them when it stops.",
)
@click.option("--service-cidr", default="10.96.0.0/16", show_default=True, help="Cluster addresses of Services.")
@click.option("--service-node-port-range", default="30000-32767", show_default=True, help="Node ports of Services.")
@click.option(
    "--advertise", default="", help="Address at which nodes and pods reach this server (default: first --bind)."
)
@click.option("--name", "names", multiple=True, help="A further host name or address of this server; repeatable.")
@click.option(
    "--token-auth-file",
    "token_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help='Users by token, for trials: lines of token,user,uid,"group1,group2". Such tokens never expire.',
)
@click.option("--log-level", default="info", show_default=True, help="Of the JSON lines on stderr.")
def main(
    data_dir: Path,
    binds: tuple[str, ...],
    port: int,
    engine: str,
    service_cidr: str,
    service_node_port_range: str,
    advertise: str,
    names: tuple[str, ...],
    token_file: Path | None,
    log_level: str,
) -> None:
    """Serve the Kubernetes API from a data directory, which is completed where something is missing."""
    logs.configure("api", log_level, clock.SystemClock())
    ports = _ports(service_node_port_range)
    host = _LOCAL.get(binds[0], binds[0])
    try:
        settings = platforms.Settings(
            service_range=service_cidr,
            node_ports=ports,
            host=host,
            port=port,
            advertised=advertise or host,
            static_tokens=static_tokens.read(token_file) if token_file else {},
        )
        uvloop.run(_serve(data_dir, engine, settings, binds, names))
    except (contract.StoreError, faults.IdentityError, static_tokens.BadFile) as error:
        _give_up(str(error))
    except sqlite3.Error as error:
        _give_up(f"the store in {data_dir} cannot be opened: {error}")
    except OSError as error:
        _give_up(_explained(error, port, data_dir))


async def _serve(
    data_dir: Path, engine: str, settings: platforms.Settings, binds: Sequence[str], names: Sequence[str]
) -> None:
    gc.disable()
    time = clock.SystemClock()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    listeners = server.listen(binds, settings.port)
    port = listeners[0].getsockname()[1]
    settings = dataclasses.replace(settings, port=port)
    store = await _store(data_dir, engine)
    ensuring = _identities(
        data_dir,
        time,
        server=f"https://{_bracketed(settings.host)}:{port}",
        names=[*names, *(bind for bind in binds if bind not in _LOCAL), settings.advertised],
        service_range=settings.service_range,
    )
    # What is written there goes to disk meanwhile.
    keys, _ = await asyncio.gather(ensuring, _schemas())
    assembled = await assembly.assemble(
        store,
        settings=settings,
        keys=keys.load_service_account_keys(),
        ca=keys.load_authority,
        ca_pem=keys.ca.read_bytes(),
        bridge=bridge.Bridge(server.client_tls(*keys.api_client, keys.ca)),
        time=time,
        source=random.Random(os.urandom(32)),
    )
    await assembly.create_defaults(assembled)
    serving = server.Server(assembled)
    await serving.start(listeners, server.tls_context(*keys.api_serving, keys.ca))
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)
    gc.enable()
    address = f"{_bracketed(settings.host)}:{port}"
    ready = {"ready": "api", "address": address, "pid": os.getpid(), "revision": store.revision}
    sys.stdout.write(orjson.dumps(ready).decode() + "\n")
    sys.stdout.flush()
    await stopping.wait()
    await serving.stop()


async def _identities(
    data_dir: Path, time: clock.Clock, *, server: str, names: Sequence[str], service_range: str
) -> pki.Pki:
    """Ready to be loaded; what is missing is made in a process of its own, whose libraries are gone afterwards."""
    if not pki.is_sealed(data_dir, clock=time, names=names, service_range=service_range):
        named = [part for name in names for part in ("--name", name)]
        arguments = ["--data-dir", str(data_dir), "--server", server, "--service-cidr", service_range, *named]
        making = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bascule.bridge.identity", *arguments, stderr=asyncio.subprocess.PIPE
        )
        _, said = await making.communicate()
        if making.returncode:
            raise faults.IdentityError(said.decode(errors="replace"))
    return await asyncio.to_thread(
        pki.ensure, data_dir, clock=time, server=server, names=names, service_range=service_range
    )


async def _schemas() -> None:
    """Everything needs them, and their reading takes no disk's time."""
    await asyncio.sleep(0)
    catalog.load()


async def _store(data_dir: Path, engine: str) -> contract.Store:
    if engine == "memory":
        from bascule.control.store import memory

        return memory.MemoryStore()
    folder = data_dir / "control"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return await sqlite.open_store(folder / "state.db")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _ports(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    if not (low.isdigit() and high.isdigit() and 0 < int(low) <= int(high) < 1 << 16):
        raise click.BadParameter(f"{text!r} is no range of ports; write it as 30000-32767")
    return int(low), int(high)


def _explained(error: OSError, port: int, data_dir: Path) -> str:
    bind = error.filename or ""
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"port {port} on {bind} is in use by another program. Stop it, or choose another port with --port "
                "(0 picks a free one)."
            )
        case errno.EADDRNOTAVAIL:
            return f"{bind} is not an address of this machine; choose another with --bind."
        case errno.ENOSPC | errno.EDQUOT:
            return f"the disk of {data_dir} is full. Free some space and start again; nothing that was stored is lost."
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"{error.filename or data_dir} may not be written ({error.strerror}); check its owner and mode."
    return f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")


def _give_up(message: str) -> None:
    sys.stderr.write(orjson.dumps({"level": "error", "component": "api", "message": message}).decode() + "\n")
    sys.exit(_EXIT_BAD_SETUP)


if __name__ == "__main__":
    main()
