"""`python -m bench`: measures, writes `bench/results/<date>.json` and the table in `bench/README.md`."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import sys
from collections.abc import Awaitable, Iterator, Sequence
from pathlib import Path

import uvloop

from bench import own, plan, report, target
from bench.figures import Figure
from bench.suites import fan_out, lists, many, node, raw, scaling, scheduling, services, single, starting, waiting

API: dict[str, plan.ApiSuite] = {
    "single": single.run,
    "lists": lists.run,
    "watch": fan_out.run,
    "scaling": scaling.run,
    "waiting": waiting.run,
}
BY_NAME: dict[str, plan.ApiSuite] = {"many": many.run}
"""Too large to be run unasked."""
PARTS: dict[str, plan.Suite] = {
    "raw": raw.run,
    "starting": starting.run,
    "node": node.run,
    "scheduling": scheduling.run,
    "services": services.run,
}
"""What is measured of our own alone."""


def parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(prog="bench", description=__doc__)
    out.add_argument("--only", action="append", choices=[*API, *BY_NAME, *PARTS], help="one suite; may be repeated")
    out.add_argument("--quick", action="store_true", help="fewer operations; noisier")
    out.add_argument("--url", help="a Kubernetes API that is measured beside our own server, in the same run")
    out.add_argument("--token", help="bearer token for --url")
    out.add_argument("--ca", help="file of the CA that --url is trusted by")
    out.add_argument("--cert", help="client certificate file for --url")
    out.add_argument("--key", help="its key")
    out.add_argument("--kubeconfig", type=Path, help="in place of --url and its company")
    out.add_argument("--beside", action="append", choices=[*API, *BY_NAME], help="of those, what the peer runs; or all")
    out.add_argument("--pids", default="", help="process ids, with commas: whose CPU and memory are the server's")
    out.add_argument("--no-write", action="store_true", help="print the table, write no file")
    return out


async def run(arguments: argparse.Namespace, found: report.Found) -> None:
    """Each suite on ours, and right after it on the peer, where one is named and the suite can be run there."""
    peer = target.from_arguments(arguments)
    found.peer = await plan.build(peer) if peer is not None else ""
    async with raw.limit() as limit:
        try:
            await _suites(arguments, found, limit, peer)
        finally:
            found.ours.insert(0, limit.figure())


async def _suites(
    arguments: argparse.Namespace, found: report.Found, limit: raw.Limit, peer: target.Target | None
) -> None:
    wanted = plan.Plan(quick=arguments.quick, raw=limit.measure)
    for name in arguments.only or [*API, *PARTS]:
        served = API.get(name) or BY_NAME.get(name)
        print(f"{name} …", file=sys.stderr, flush=True)
        measured = _served(wanted, served) if served is not None else PARTS[name](wanted)
        found.ours += await _beside(limit, measured)
        if peer is not None and served is not None and name in (arguments.beside or [name]):
            print(f"{name}, the peer …", file=sys.stderr, flush=True)
            found.peers += await _beside(limit, _on_peer(wanted, served, peer))


async def _beside(limit: raw.Limit, measured: Awaitable[Sequence[Figure]]) -> list[Figure]:
    """The figures, each with what the bare server took around that time."""
    with _apart():
        before = await limit.measure()
    figures = await measured
    with _apart():
        raw_us = (before + await limit.measure()) / 2
    found = [dataclasses.replace(figure, raw_us=figure.raw_us or raw_us) for figure in figures]
    print("\n".join(report.line(figure) for figure in found), file=sys.stderr, flush=True)
    return found


async def _served(wanted: plan.Plan, suite: plan.ApiSuite) -> Sequence[Figure]:
    """A fresh server of ours."""
    with own.directory() as data:
        async with own.server(data) as (to, _):
            with _apart():
                return await suite(wanted, to)


async def _on_peer(wanted: plan.Plan, suite: plan.ApiSuite, peer: target.Target) -> Sequence[Figure]:
    """The peer, cleared of the load afterwards."""
    try:
        with _apart():
            return await suite(wanted, peer)
    finally:
        await plan.clear(peer)


@contextlib.contextmanager
def _apart() -> Iterator[None]:
    """The client stays on one core meanwhile, so that it does not take the server's."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[-1:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def main() -> None:
    arguments = parser().parse_args()
    found = report.Found()
    try:
        uvloop.run(run(arguments, found))
    except KeyboardInterrupt:
        print("stopped; what was measured until then is kept", file=sys.stderr)
        found.stopped = True
    document = report.document(found, quick=arguments.quick)
    if arguments.no_write:
        print(report.table(document))
    else:
        report.write(document)


if __name__ == "__main__":
    main()
