"""No object, however deformed, makes a door of the API fail: every kind, every way of writing it, parts made odd."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from bascule.vocabulary import objects, resources
from tests.unit.control.api import harness
from tests.unit.control.kinds import every_kind

MUTANTS = 12
ODD: tuple[Any, ...] = (
    *(None, [], {}, "", 0, -1, 1.5, True, 2**63, "a" * 300, "9" * 30, "\x00", "../x", "0", "-1", "1e9"),
    *([None], [[]], [{}], ["a", "a"], {"a": None}, {"": ""}, {"matchLabels": {"a": 1}}, "2026-99-99T00:00:00Z"),
)
PATCHES = ("merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml")


def deformed(source: random.Random, obj: objects.Object) -> objects.Object:
    """The object with one or two of its parts replaced."""
    made = objects.deep_copy(obj)
    for _ in range(source.randrange(1, 3)):
        container, key = source.choice([place for place in _places(made) if place[1] not in ("apiVersion", "kind")])
        container[key] = objects.deep_copy({"": source.choice(ODD)})[""]
    return made


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield value, key
        yield from _places(member)


async def _sent(api: harness.Api, source: random.Random, row: resources.Resource) -> harness.Answer:
    path = row.path(every_kind.SPACE if row.namespaced else "")
    body = deformed(source, every_kind.sample(row, every_kind.ROWS.index(row)))
    name = every_kind.sample(row, every_kind.ROWS.index(row))["metadata"]["name"]
    way = source.choice(("create", "update", "status", *PATCHES))
    if way == "create":
        return await api.call("POST", f"{path}?dryRun=All", body)
    if way == "update":
        return await api.call("PUT", f"{path}/{name}?dryRun=All", body)
    if way == "status":
        if "status" not in row.subresources:
            return await api.call("PATCH", f"{path}/{name}?dryRun=All", body, headers=_media(PATCHES[0]))
        usual = every_kind.STATUS.get(row.plural) or {"conditions": [every_kind.CONDITION]}
        change = deformed(source, {"status": usual})
        return await api.call("PATCH", f"{path}/{name}/status?dryRun=All", change, headers=_media(PATCHES[0]))
    query = "dryRun=All&fieldManager=fuzz&force=true" if way == PATCHES[2] else "dryRun=All"
    return await api.call("PATCH", f"{path}/{name}?{query}", body, headers=_media(way))


def _media(kind: str) -> dict[str, str]:
    return {"Content-Type": f"application/{kind}"}


@pytest.mark.slow
async def test_deformed_objects_are_accepted_or_refused() -> None:
    source = random.Random("objects")
    async with harness.running() as api:
        await api.create("/api/v1/namespaces", {"metadata": {"name": every_kind.SPACE}})
        account = {"metadata": {"name": "default"}}
        await api.call("POST", f"/api/v1/namespaces/{every_kind.SPACE}/serviceaccounts", account)
        for row in every_kind.ROWS:
            made = every_kind.sample(row, every_kind.ROWS.index(row))
            await api.create(row.path(every_kind.SPACE if row.namespaced else ""), made)
            for _ in range(MUTANTS):
                state = source.getstate()
                answer = await _sent(api, source, row)
                if answer.code >= 500:
                    source.setstate(state)
                    body = deformed(source, every_kind.sample(row, every_kind.ROWS.index(row)))
                    pytest.fail(f"{row.qualified}: {answer.code} for {body}")
