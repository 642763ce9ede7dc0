"""Writes of a status alone: what is stored is decoded once, and shared with what is wanted but never changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from bascule.control import kinds
from bascule.control.api import endpoint, pipeline
from bascule.control.cache import record
from bascule.vocabulary import objects, resources
from tests.unit.control.api import harness
from tests.unit.control.kinds import every_kind, samples

WITH_STATUS = [row for row in every_kind.ROWS if "status" in row.subresources and "patch" in row.verbs]
POD = "/api/v1/namespaces/default/pods/web"
CONDITION = every_kind.CONDITION
_TIME = re.compile(r"20\d\d-\d\d-\d\dT[0-9:.]+Z")


class Shared:
    """Whatever was decoded to be shared, beside what it looked like then."""

    def __init__(self) -> None:
        self.seen: list[tuple[objects.Object, bytes]] = []

    def take(self) -> list[objects.Object]:
        """Those since the last time, none of which has changed."""
        taken, self.seen = self.seen, []
        assert [orjson.dumps(obj) for obj, _ in taken] == [before for _, before in taken]
        return [obj for obj, _ in taken]


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shared]:
    found = Shared()
    whole = endpoint.Endpoint.decode

    def decode(self: endpoint.Endpoint, stored: record.Record) -> objects.Object:
        obj = whole(self, stored)
        found.seen.append((obj, orjson.dumps(obj)))
        return obj

    monkeypatch.setattr(endpoint.Endpoint, "decode", decode)
    yield found
    found.take()


def _changes(row: resources.Resource) -> list[tuple[str, Any]]:
    said = every_kind.STATUS.get(row.plural, {"conditions": [CONDITION]})
    again = objects.deep_copy(said)
    again |= {"conditions": [CONDITION, CONDITION | {"type": "Heard"}]} if "conditions" in said else {}
    return [
        ("strategic", {"status": said}),
        ("strategic", {"status": said}),
        ("merge", {"metadata": {"name": None}, "status": again}),
        ("json", [{"op": "add", "path": "/status/conditions", "value": [CONDITION]}] if "conditions" in said else []),
        ("strategic", {"metadata": {"labels": {"a": "b"}}, "status": again}),
        ("strategic", {"spec": {"nonsense": 1}, "status": said}),
        ("merge", {"status": None}),
    ]


@pytest.mark.parametrize("row", WITH_STATUS, ids=lambda row: f"{row.qualified}-{row.version}")
async def test_every_kind_is_written_as_if_nothing_were_shared(
    api: harness.Api, shared: Shared, monkeypatch: pytest.MonkeyPatch, row: resources.Resource
) -> None:
    space = every_kind.SPACE if row.namespaced else ""
    await api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lives"}})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    await api.create("/api/v1/namespaces/lives/serviceaccounts", account)
    obj = every_kind.sample(row, 1)
    await api.create(row.path(space), obj)
    path = f"{row.path(space, obj['metadata']['name'])}/status"
    for media, body in _changes(row):
        shared.take()
        answers = [await api.patch(f"{path}?dryRun=All", body, media)]
        assert bool(shared.take()) != kinds.strategy_for(row.group, row.plural).defaults_status
        with monkeypatch.context() as patched:
            patched.setattr(pipeline, "status_written", lambda *_: None)
            answers.append(await api.patch(f"{path}?dryRun=All", body, media))
        quick, slow = (_TIME.sub("", orjson.dumps(answer.body).decode()) for answer in answers)
        assert quick == slow
        assert (await api.patch(path, body, media)).code == answers[0].code


class _Unread(dict[str, Any]):
    """An object whose status nobody looks at."""

    def get(self, key: str, default: Any = None) -> Any:
        assert key != "status"
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        assert key != "status"
        return super().__getitem__(key)

    def setdefault(self, key: str, default: Any = None) -> Any:
        assert key != "status"
        return super().setdefault(key, default)


@pytest.mark.parametrize("row", WITH_STATUS, ids=lambda row: f"{row.qualified}-{row.version}")
def test_defaults_of_a_kind_that_does_not_say_so_leave_the_status_alone(row: resources.Resource) -> None:
    kind = kinds.strategy_for(row.group, row.plural)
    said = every_kind.STATUS.get(row.plural, {"conditions": [CONDITION]})
    obj = _Unread(every_kind.sample(row, 1), status=objects.deep_copy(said))
    if kind.defaults_status:
        with pytest.raises(AssertionError):
            kind.default(_Unread(obj, spec={**obj.get("spec", {}), "type": "LoadBalancer"}))
        return
    kind.default(obj)
    assert dict(obj)["status"] == said


async def _pod(api: harness.Api) -> objects.Object:
    pod = samples.pod()
    pod["metadata"] = {"name": "web"}
    return await api.create("/api/v1/namespaces/default/pods", pod)


async def test_what_was_observed_is_kept_without_touching_what_is_stored(api: harness.Api, shared: Shared) -> None:
    await _pod(api)
    ready = {"type": "Ready", "status": "True", "observedGeneration": 1}
    twice = [ready, {"type": "Ready", "status": "False"}]
    await api.patch(f"{POD}/status", [{"op": "add", "path": "/status/conditions", "value": twice}], "json")
    shared.take()
    answer = await api.patch(f"{POD}/status", [{"op": "remove", "path": "/status/conditions/0"}], "json")
    assert answer.body["status"]["conditions"] == [{"type": "Ready", "status": "False", "observedGeneration": 1}]
    assert shared.take()


async def test_what_says_nothing_is_left_out_without_touching_what_is_stored(api: harness.Api, shared: Shared) -> None:
    await _pod(api)
    for body in ({"message": "", "phase": "Running"}, {"conditions": None, "nonsense": {}}, {"hostIPs": []}):
        answer = await api.patch(f"{POD}/status", {"status": body}, "merge")
        assert answer.code == 200
        assert not {"message", "nonsense", "hostIPs"} & answer.body["status"].keys()
    assert len(shared.take()) == 3


async def test_who_says_nothing_new_keeps_the_version(api: harness.Api, shared: Shared) -> None:
    pod = await _pod(api)
    said = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": {"phase": "Running", "conditions": [CONDITION]}}
    first = await api.patch(f"{POD}/status", said, "strategic")
    shared.take()
    second = await api.patch(f"{POD}/status", said, "strategic")
    assert second.body == first.body
    assert len(shared.take()) == 1


async def test_another_uid_is_refused_still(api: harness.Api) -> None:
    await _pod(api)
    answer = await api.patch(f"{POD}/status", {"metadata": {"uid": "x"}, "status": {"phase": "Failed"}}, "strategic")
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
