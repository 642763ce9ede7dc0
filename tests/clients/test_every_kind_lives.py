"""Every built-in kind through its life on the wire: created, listed, watched, patched, replaced, its status written by
both ways, deleted alone and as a collection. One server process for all.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from bascule.vocabulary import objects, resources
from tests.clients import admin
from tests.unit.control.kinds import every_kind


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[admin.Client]:
    home = tmp_path_factory.mktemp("lives")
    with admin.serving(home / "data", home / "api.log") as (client, _):
        code, answer = client.ask("POST", "/api/v1/namespaces", {"metadata": {"name": every_kind.SPACE}})
        assert code == 201, answer
        account = {"metadata": {"name": "default", "namespace": every_kind.SPACE}}
        code, answer = client.ask("POST", f"/api/v1/namespaces/{every_kind.SPACE}/serviceaccounts", account)
        assert code in (201, 409), answer
        yield client


NUMBERS = itertools.count(1)


@pytest.mark.parametrize("row", every_kind.ROWS, ids=lambda row: f"{row.qualified}-{row.version}")
def test_a_kind_lives(server: admin.Client, row: resources.Resource) -> None:
    path = row.path(every_kind.SPACE if row.namespaced else "")
    everywhere = row.path("")
    first = every_kind.sample(row, next(NUMBERS))
    name = first["metadata"]["name"]

    code, made = server.ask("POST", path, first)
    assert code == 201, made
    assert (made["kind"], made["apiVersion"]) == (row.kind, row.api_version)
    assert all(made["metadata"][field] for field in ("uid", "creationTimestamp", "resourceVersion"))
    assert server.ask("POST", path, first)[1]["reason"] == "AlreadyExists"

    code, read = server.ask("GET", f"{path}/{name}")
    assert (code, read) == (200, made)
    code, listed = server.ask("GET", f"{everywhere}?labelSelector={every_kind.LABEL}%3D{row.plural}")
    assert (code, [item["metadata"]["name"] for item in listed["items"]]) == (200, [name])
    assert listed["kind"] == row.list_kind

    patched = _patched(server, row, f"{path}/{name}")
    _replaced(server, f"{path}/{name}", patched)
    if "status" in row.subresources:
        _status_written(server, row, f"{path}/{name}")
    _removed(server, row, path, name, listed["metadata"]["resourceVersion"])


def _patched(server: admin.Client, row: resources.Resource, at: str) -> objects.Object:
    change = {"metadata": {"annotations": {"by": "merge"}}}
    code, merged = server.ask("PATCH", at, change, "application/merge-patch+json")
    assert (code, merged["metadata"]["annotations"]["by"]) == (200, "merge"), merged
    change["metadata"]["annotations"]["by"] = "strategy"
    code, patched = server.ask("PATCH", at, change, "application/strategic-merge-patch+json")
    assert (code, patched["metadata"]["annotations"]["by"]) == (200, "strategy"), patched
    applied = {
        "apiVersion": row.api_version,
        "kind": row.kind,
        "metadata": {"name": at.rsplit("/", 1)[1], "labels": {"applied": "yes"}},
    }
    code, patched = server.ask("PATCH", f"{at}?fieldManager=tester", applied, "application/apply-patch+yaml")
    assert (code, patched["metadata"]["labels"]["applied"]) == (200, "yes"), patched
    body = [{"op": "add", "path": "/metadata/labels/how", "value": "jsonpatch"}]
    code, patched = server.ask("PATCH", at, body, "application/json-patch+json")
    assert (code, patched["metadata"]["labels"]["how"]) == (200, "jsonpatch"), patched
    version = patched["metadata"]["resourceVersion"]
    code, again = server.ask("PATCH", at, body, "application/json-patch+json")
    assert (code, again["metadata"]["resourceVersion"]) == (200, version), "a write that changes nothing was a change"
    return patched


def _replaced(server: admin.Client, at: str, current: objects.Object) -> None:
    current["metadata"]["annotations"]["by"] = "update"
    code, replaced = server.ask("PUT", at, current)
    assert (code, replaced["metadata"]["annotations"]["by"]) == (200, "update"), replaced
    code, stale = server.ask("PUT", at, current)
    assert (code, stale["reason"]) == (409, "Conflict"), stale
    replaced["metadata"]["annotations"]["by"] = "dry"
    code, dry = server.ask("PUT", f"{at}?dryRun=All", replaced)
    assert (code, dry["metadata"]["annotations"]["by"]) == (200, "dry"), dry
    assert server.ask("GET", at)[1]["metadata"]["annotations"]["by"] == "update"


def _status_written(server: admin.Client, row: resources.Resource, at: str) -> None:
    wanted: dict[str, Any] = every_kind.STATUS.get(row.plural) or {"conditions": [every_kind.CONDITION]}
    change = {"metadata": {"annotations": {"status": "patched"}}, "status": wanted}
    code, patched = server.ask("PATCH", f"{at}/status", change, "application/merge-patch+json")
    assert code == 200, patched
    field, value = next(iter(wanted.items()))
    found = patched["status"][field]
    assert found == value or _within(value, found), patched["status"]
    spec = patched.get("spec")
    patched["metadata"]["annotations"]["status"] = "updated"
    patched["spec"] = {}
    code, updated = server.ask("PUT", f"{at}/status", patched)
    assert code == 200, updated
    assert updated["metadata"]["annotations"]["status"] == "updated"
    assert updated.get("spec") == spec, "the status subresource changed the spec"
    code, read = server.ask("GET", f"{at}/status")
    assert (code, read) == (200, updated)
    before = read["status"]
    read["status"] = {}
    code, main = server.ask("PUT", at, read)
    assert (code, main["status"]) == (200, before), "a plain update changed the status"


def _within(wanted: Any, found: Any) -> bool:
    """Whether what was sent is there, whatever else a default has added."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and _within(wanted[key], found[key]) for key in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and all(any(_within(item, other) for other in found) for item in wanted)
    return bool(wanted == found)


def _removed(server: admin.Client, row: resources.Resource, path: str, name: str, version: str) -> None:
    kept = bool(server.ask("GET", f"{path}/{name}")[1]["metadata"].get("finalizers"))
    grace = "?gracePeriodSeconds=0&propagationPolicy=Background"
    code, answer = server.ask("DELETE", f"{path}/{name}{grace}")
    assert code in (200, 202), answer
    if row.plural == "namespaces":
        return  # It goes when a controller has emptied it.
    if kept:
        release = {"metadata": {"finalizers": None}}
        server.ask("PATCH", f"{path}/{name}", release, "application/merge-patch+json")
    assert server.ask("GET", f"{path}/{name}")[1].get("reason") == "NotFound"
    second = every_kind.sample(row, next(NUMBERS))
    code, made = server.ask("POST", path, second)
    assert code == 201, made
    other = made["metadata"]["name"]
    code, answer = server.ask("DELETE", f"{path}{grace}&labelSelector={every_kind.LABEL}%3D{row.plural}")
    assert code == 200, answer
    code, left = server.ask("GET", f"{path}?labelSelector={every_kind.LABEL}%3D{row.plural}")
    if not made["metadata"].get("finalizers"):
        assert left["items"] == []
        query = f"watch=true&resourceVersion={version}&timeoutSeconds=20&labelSelector={every_kind.LABEL}"
        seen = server.lines(f"{path}?{query}", 8 + 2 * ("status" in row.subresources))
        told = [(event["type"], event["object"]["metadata"]["name"]) for event in seen]
        assert told[-3:] == [("DELETED", name), ("ADDED", other), ("DELETED", other)]
        assert set(told[:-3]) == {("MODIFIED", name)}
