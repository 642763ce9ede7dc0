"""What upstream's generic machinery answers about lists, watches, deletions and paths, asked the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.unit.control.api import crds, harness

MAPS = "/api/v1/namespaces/default/configmaps"
TABS = f"/apis/{crds.GROUP}/v1/namespaces/default/crontabs"


@pytest.fixture
async def api() -> AsyncIterator[harness.Api]:
    async with harness.running() as running:
        await crds.serve(running, crds.definition("CronTab", crds.version()))
        yield running


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("limit=", 'strconv.ParseInt: parsing "": invalid syntax'),
        ("timeoutSeconds=9223372036854775808", 'strconv.ParseInt: parsing "9223372036854775808": value out of range'),
        (
            "resourceVersion=x",
            'invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": '
            "invalid syntax",
        ),
        ("continue=x", "invalid continue token: continue key is not valid: illegal base64 data at input byte 0"),
        (
            "continue=eHg",
            "invalid continue token: continue key is not valid: invalid character 'x' looking for beginning of value",
        ),
        (
            "continue=e30",
            "invalid continue token: continue key is not valid: server does not recognize this encoded version ",
        ),
    ],
)
async def test_parameters_of_lists_that_cannot_be_read(api: harness.Api, query: str, message: str) -> None:
    answer = await api.get(f"{MAPS}?{query}")
    assert (answer.code, answer.body["message"]) == (400, message)


async def test_every_cause_is_told_of_parameters_that_do_not_go_together(api: harness.Api) -> None:
    answer = await api.get(f"{MAPS}?resourceVersionMatch=Bad&continue=x&sendInitialEvents=true")
    assert answer.code == 422
    assert len(answer.body["details"]["causes"]) == 4
    answer = await api.get(f"{MAPS}?watch=1&resourceVersionMatch=Exact")
    assert [cause["reason"] for cause in answer.body["details"]["causes"]] == [
        "FieldValueForbidden",
        "FieldValueNotSupported",
    ]


async def test_a_watch_from_any_version_tells_where_the_beginning_ends(api: harness.Api) -> None:
    (told,) = await api.watch(f"{MAPS}?watch=1&resourceVersion=0&allowWatchBookmarks=true&labelSelector=none", 1)
    assert told["type"] == "BOOKMARK"
    assert told["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


@pytest.mark.parametrize(
    "body",
    [{"preconditions": 3}, {"preconditions": []}, {"orphanDependents": "x"}, {"dryRun": "All"}, {"kind": "Pod"}],
)
async def test_what_is_no_delete_options_is_refused(api: harness.Api, body: Any) -> None:
    assert (await api.call("DELETE", f"{MAPS}/any", body)).code == 400


async def test_a_body_is_all_that_a_deletion_is_told(api: harness.Api) -> None:
    await api.create(MAPS, harness.config_map("a"))
    answer = await api.call("DELETE", f"{MAPS}/a?propagationPolicy=nonsense", {"dryRun": ["All"]})
    assert answer.code == 200


async def test_where_nothing_is_served_upstreams_last_handler_speaks(api: harness.Api) -> None:
    for path in ("/nope", "/apis/nope/v1/things", f"/apis/{crds.GROUP}/v1/crontabs/one"):
        for method in ("GET", "PUT"):
            answer = await api.call(method, path)
            assert (answer.code, answer.body) == (404, b"404 page not found\n"), (method, path)
    assert (await api.get("/apis/apps/v1/nope")).body["reason"] == "NotFound"


async def test_methods_and_subresources_that_a_custom_resource_lacks(api: harness.Api) -> None:
    assert (await api.call("PUT", TABS, {})).body["message"] == "name must be provided"
    answer = await api.get(f"{TABS}/one/nope")
    assert answer.body["message"] == f'crontabs.{crds.GROUP} "one" not found'


async def test_a_document_is_kept_under_no_hash_but_its_own(api: harness.Api) -> None:
    path = f"/openapi/v3/apis/{crds.GROUP}/v1"
    answer = await api.get(f"{path}?hash=OLD")  # Follows to where it is.
    assert answer.code == 200
    assert answer.headers["Cache-Control"] == "public, immutable"
    assert (await api.get(path)).headers["Cache-Control"] != "public, immutable"
