"""Whether the cost of a request grows with what it asks for, or with what is stored: the same at three sizes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

from bench import figures, load, plan, samples, target, watchers
from bench.suites import fan_out

SIZES = (1_000, 10_000, 100_000)
SELECTED = 500
_WATCHERS = 100
_EVENTS = 200
_LISTS = 40
_MAPS = f"{samples.CORE}/configmaps"


async def run(wanted: plan.Plan, to: target.Target) -> Sequence[figures.Figure]:
    """ConfigMaps of 1 KB, of which as many carry the label that is selected by, however many there are."""
    await plan.prepare(to)
    found: list[figures.Figure] = []
    stored = 0
    for size in SIZES[:2] if wanted.quick else SIZES:
        await load.run(to, _creates(to, stored, size))
        stored = size
        found += [figure async for figure in _at(wanted, to, size)]
    return found


def _creates(to: target.Target, start: int, end: int) -> Iterable[bytes]:
    for number in range(start, end):
        obj = samples.config_map(f"s-{number}")
        if number < SELECTED:
            obj["metadata"]["labels"]["chosen"] = "yes"
        yield to.request("POST", _MAPS, samples.encode(obj))


async def _at(wanted: plan.Plan, to: target.Target, size: int) -> AsyncIterator[figures.Figure]:
    count = wanted.operations // 5
    get = [to.request("GET", f"{_MAPS}/s-7")] * count
    chosen = [to.request("GET", f"{_MAPS}?labelSelector=chosen%3Dyes")] * _LISTS
    await load.run(to, chosen[:2], connections=1)  # What is indexed when first asked for is indexed now.
    for name, requests in (("GET", lambda _: get), (f"list of {SELECTED} by selector", lambda _: chosen)):
        yield await _measured(wanted, to, f"{name}, of {size:,} stored", requests)

    def creates(round_: int) -> list[bytes]:
        bodies = (samples.encode(samples.config_map(f"z{size}-{round_}-{n}")) for n in range(count))
        return [to.request("POST", _MAPS, body) for body in bodies]

    yield await _measured(wanted, to, f"create, of {size:,} stored", creates)
    version = "?watch=true&labelSelector=app%3Dbench&resourceVersion=" + await plan.version(to, f"{_MAPS}?limit=1")
    rounds, raws = [], []
    async with watchers.opened(to, [_MAPS + version] * _WATCHERS) as meter:
        for number in range(wanted.rounds):
            raws.append(await wanted.raw())
            rounds.append(await fan_out.told(to, meter, f"y{size}-{number}", _EVENTS, _WATCHERS))
    yield figures.of_rounds(f"watch event ({_WATCHERS} watchers), of {size:,} stored", rounds, raws)


async def _measured(wanted: plan.Plan, to: target.Target, name: str, requests: plan.Requests) -> figures.Figure:
    rounds, raws = [], []
    for number in range(wanted.rounds):
        raws.append(await wanted.raw())
        rounds.append(await load.run(to, requests(number)))
    return figures.of_rounds(name, rounds, raws)
