"""The store by itself: commits a second at several concurrencies, CPU for each, and how fast a full store is read back.

``python -m bench.raw_store [--directory DIR] [--size BYTES]`` prints one JSON line for each figure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

from bascule.control.store import contract
from bascule.control.store.sqlite import store

CONCURRENCIES = ((1, 500), (16, 8000), (64, 20000), (256, 20000))


async def commits(opened: contract.Store, concurrency: int, count: int, size_bytes: int) -> dict[str, float]:
    """``count`` creations from ``concurrency`` writers that each wait for the last."""
    value = b"x" * size_bytes
    numbers = iter(range(count))

    async def write() -> None:
        for number in numbers:
            key = f"/core/configmaps/root/ns-{number % 50}/{concurrency}-{number:06}"
            await opened.commit([contract.Put(key, value, expected=contract.ABSENT)])

    started, started_cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(write() for _ in range(concurrency)))
    seconds = time.perf_counter() - started
    return {
        "concurrency": concurrency,
        "commits_per_second": round(count / seconds),
        "cpu_microseconds_each": round((time.process_time() - started_cpu) / count * 1e6, 1),
    }


async def measure(directory: Path, size_bytes: int) -> None:
    opened = await store.open_store(directory / "state.db")
    try:
        for concurrency, count in CONCURRENCIES:
            print(json.dumps(await commits(opened, concurrency, count, size_bytes)), flush=True)
    finally:
        await opened.close()
    started = time.perf_counter()
    opened = await store.open_store(directory / "state.db")
    try:
        page = await opened.range("/")
        seconds = round(time.perf_counter() - started, 3)
        print(json.dumps({"opened_and_read_entries": len(page.entries), "seconds": seconds}))
    finally:
        await opened.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, default=None, help="a disk to measure; default: temporary")
    parser.add_argument("--size", type=int, default=1024, help="bytes in a value")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        asyncio.run(measure(Path(directory), options.size))


if __name__ == "__main__":
    main()
