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
import argparse
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

import orjson
import uvloop

from bascule.bridge.identity import faults, pki
from bascule.control.access import static_tokens
from bascule.control.api import assembly, heap, logs
from bascule.control.api import platform as platforms
from bascule.control.api.streaming import bridge
from bascule.control.api.wire import server
from bascule.control.schema import catalog
from bascule.control.store import contract
from bascule.control.store.sqlite import store as sqlite
from bascule.vocabulary import clock

_EXIT_BAD_SETUP: Final = 2
_COLLECT_AFTER: Final = 10_000, 2, 1_000
"""New containers, and how often the younger are looked through before the older are. Few at a time, as nobody is
served meanwhile: a hundred thousand take 30 ms. All that has grown old, as rarely as can be.
"""
_LOCAL: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""How an address that stands for all of the machine's is reached from the machine itself."""
_SWITCH_SECONDS: Final = 0.001
"""How long a thread keeps the interpreter from the event loop, which takes it several times for each answer."""


def _options() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(
        prog="bascule.control.api",
        allow_abbrev=False,
        description="Serve the Kubernetes API from a data directory, which is completed where something is missing.",
    )
    add = out.add_argument
    add("--data-dir", type=Path, required=True, help="keys and state")
    add(
        "--bind",
        action="append",
        default=[],
        help="address to listen on (default: 127.0.0.1); repeatable; kubeconfigs name the first",
    )
    add("--port", type=int, default=6443, help="port to listen on (default: %(default)s); 0 picks one")
    add(
        "--store",
        choices=("sqlite", "memory"),
        default="sqlite",
        help="where objects are kept (default: %(default)s); memory forgets them when it stops",
    )
    add("--service-cidr", default="10.96.0.0/16", help="cluster addresses of Services (default: %(default)s)")
    add(
        "--service-node-port-range",
        type=_ports,
        default="30000-32767",
        help="node ports of Services (default: %(default)s)",
    )
    add("--advertise", default="", help="address at which nodes and pods reach this server (default: first --bind)")
    add("--name", action="append", default=[], help="a further host name or address of this server; repeatable")
    add(
        "--token-auth-file",
        type=_file,
        help='users by token, for trials: lines of token,user,uid,"group1,group2"; such tokens never expire',
    )
    add(
        "--log-level",
        type=str.lower,
        choices=("debug", "info", "warning", "error", "critical"),
        default="info",
        help="of the JSON lines on stderr (default: %(default)s)",
    )
    return out


def main() -> None:
    given = _options().parse_args()
    logs.configure("api", given.log_level, clock.SystemClock())
    heap.give_back()
    sys.setswitchinterval(_SWITCH_SECONDS)
    data_dir, binds = given.data_dir, given.bind or ["127.0.0.1"]
    host = _LOCAL.get(binds[0], binds[0])
    try:
        settings = platforms.Settings(
            service_range=given.service_cidr,
            node_ports=given.service_node_port_range,
            host=host,
            port=given.port,
            advertised=given.advertise or host,
            static_tokens=static_tokens.read(given.token_auth_file) if given.token_auth_file else {},
        )
        uvloop.run(_serve(data_dir, given.store, settings, binds, given.name))
    except (contract.StoreError, faults.IdentityError, static_tokens.BadFile) as error:
        _give_up(str(error))
    except sqlite3.Error as error:
        _give_up(f"the store in {data_dir} cannot be opened: {error}")
    except OSError as error:
        _give_up(_explained(error, given.port, data_dir))


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
    gc.set_threshold(*_COLLECT_AFTER)
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
            why = said.decode(errors="replace").strip() or f"their making ended with {making.returncode}; start again"
            raise faults.IdentityError(why)
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
        raise argparse.ArgumentTypeError(f"{text!r} is no range of ports; write it as 30000-32767")
    return int(low), int(high)


def _file(text: str) -> Path:
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a directory")
    return Path(text)


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
