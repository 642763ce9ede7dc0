"""One object at a time: the verbs that controllers and nodes live by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bench import figures, load, plan, samples, target

JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

_OBJECTS = 500
"""How many objects the updates go around."""


async def run(wanted: plan.Plan, to: target.Target) -> Sequence[figures.Figure]:
    await plan.prepare(to)
    count = wanted.operations
    maps, pods = f"{samples.CORE}/configmaps", f"{samples.CORE}/pods"

    async def measure(name: str, requests: Callable[[int], Iterable[bytes]]) -> figures.Figure:
        """The bare server is measured before each round: machines are not the same from one second to the next."""
        rounds, raws = [], []
        for number in range(wanted.rounds):
            raws.append(await wanted.raw())
            rounds.append(await load.run(to, requests(number)))
        return figures.of_rounds(name, rounds, raws)

    def create_map(round_: int) -> Iterable[bytes]:
        return (post(maps, samples.config_map(f"c{round_}-{n}")) for n in range(count))

    def create_pod(round_: int) -> Iterable[bytes]:
        return (post(pods, samples.pod(f"p{round_}-{n}")) for n in range(count))

    def create_unlike_pod(round_: int) -> Iterable[bytes]:
        """Those before are of one template, as a Deployment's are: of these each has a specification of its own."""
        for n in range(count):
            pod = samples.pod(f"u{round_}-{n}")
            pod["spec"]["containers"][0]["env"] = [{"name": "MARKER", "value": f"{round_}-{n}"}]
            yield post(pods, pod)

    def delete_map(round_: int) -> Iterable[bytes]:
        return (to.request("DELETE", f"{maps}/c{round_}-{n}") for n in range(count))

    def post(path: str, obj: dict[str, object]) -> bytes:
        return to.request("POST", path, samples.encode(obj))

    def each(method: str, kind: str, body: Callable[[str, int], Any], media: str, **more: str) -> Changes:
        return Changes(to, method, kind, body, media, count, **more)

    warm = [to.request("GET", f"{maps}?limit=1"), to.request("GET", f"{pods}?limit=1")]
    await load.run(to, warm, connections=1)
    status = each("PATCH", "p", lambda _, n: samples.status_patch(n), STRATEGIC, tail="/status")
    applied = each("PATCH", "c", samples.config_map_marked, APPLY, tail="?fieldManager=bench&force=true")
    found = [
        await measure(name, requests)
        for name, requests in (
            ("create ConfigMap", create_map),
            ("GET ConfigMap", lambda _: [to.request("GET", f"{maps}/c0-7")] * (count * 2)),
            ("create Pod", create_pod),
            ("create Pod, no two specifications alike", create_unlike_pod),
            ("update ConfigMap", each("PUT", "c", samples.config_map_marked, "application/json")),
            ("JSON patch of a ConfigMap", each("PATCH", "c", _operation, JSON_PATCH)),
            ("merge patch of a ConfigMap", each("PATCH", "c", _data, MERGE)),
            ("strategic patch of a ConfigMap", each("PATCH", "c", _data, STRATEGIC)),
            ("strategic patch of a Pod's status", status),
            ("server-side apply of a ConfigMap", applied),
            ("delete ConfigMap", delete_map),
        )
    ]
    deleted = (
        to.request("DELETE", f"{pods}/{prefix}{round_}-{n}?gracePeriodSeconds=0")
        for prefix in ("p", "u")
        for round_ in range(wanted.rounds)
        for n in range(count)
    )
    await load.run(to, deleted)
    return found


def _data(_: str, number: int) -> dict[str, object]:
    return {"data": {"marker": str(number)}}


def _operation(_: str, number: int) -> list[dict[str, object]]:
    return [{"op": "replace", "path": "/data/marker", "value": str(number)}]


class Changes:
    """Requests that change one object after another, each to something it was not before."""

    def __init__(
        self,
        to: target.Target,
        method: str,
        kind: str,
        body: Callable[[str, int], Any],
        media: str,
        count: int,
        tail: str = "",
    ) -> None:
        self._to = to
        self._method = method
        self._path = f"{samples.CORE}/{'configmaps' if kind == 'c' else 'pods'}"
        self._kind = kind
        self._body = body
        self._media = media
        self._count = count
        self._tail = tail
        self._sent = 0

    def __call__(self, _: int) -> Iterable[bytes]:
        for number in range(self._count):
            self._sent += 1
            name = f"{self._kind}0-{number % _OBJECTS}"
            body = samples.encode(self._body(name, self._sent))
            yield self._to.request(self._method, f"{self._path}/{name}{self._tail}", body, media=self._media)
