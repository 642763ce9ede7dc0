"""Lists that are sent a slice at a time say what those in one piece say."""

import pytest
import yaml

from bascule.control.api.verbs import listing
from bascule.control.api.wire import long_list
from tests.unit.control.api import harness

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("query", ["", "?labelSelector=odd", "?limit=3"])
async def test_a_long_list_is_what_a_short_one_is(
    api: harness.Api, monkeypatch: pytest.MonkeyPatch, encoding: str, query: str
) -> None:
    for n in range(7):
        wanted = harness.config_map(f"m{n}", k=str(n))
        wanted["metadata"]["labels"] = {"odd": "yes"} if n % 2 else {"even": "yes"}
        await api.create(MAPS, wanted)
    accepting = {"Accept-Encoding": encoding}
    short = await api.get(MAPS + query, headers=accepting)
    monkeypatch.setattr(long_list, "ABOVE", 3)
    monkeypatch.setattr(long_list, "SLICE", 2)
    long = await api.get(MAPS + query, headers=accepting)
    assert (long.code, long.body) == (200, short.body)
    assert long.headers["Transfer-Encoding"] == "chunked"
    assert long.headers["Content-Type"] == short.headers["Content-Type"]
    assert long.headers.get("Content-Encoding") == (encoding if encoding == "gzip" else None)
    assert (await api.get(f"{MAPS}/m1")).code == 200


@pytest.mark.parametrize("kind", ["Table", "PartialObjectMetadataList"])
async def test_long_tables_are_sent_a_slice_at_a_time(
    api: harness.Api, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for n in range(7):
        await api.create(MAPS, harness.config_map(f"m{n}", k=str(n)))
    accepting = {"Accept": f"application/json;as={kind};v=v1;g=meta.k8s.io"}
    short = await api.get(MAPS, headers=accepting)
    monkeypatch.setattr(long_list, "ABOVE", 3)
    monkeypatch.setattr(listing, "_SLICE", 2)
    long = await api.get(MAPS, headers=accepting)
    assert long.headers["Transfer-Encoding"] == "chunked"
    held = "rows" if kind == "Table" else "items"
    assert len(long.body[held]) == len(short.body[held]) >= 7
    assert long.body.keys() == short.body.keys()


async def test_other_shapes_of_long_lists_stay_as_they_are(api: harness.Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_list, "ABOVE", 1)
    await api.create(MAPS, harness.config_map("m"))
    table = await api.get(MAPS, headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})
    assert len(table.body["rows"]) == 1
    yaml = await api.get(MAPS, headers={"Accept": "application/yaml"})
    assert yaml.body.startswith(b"apiVersion: v1\nitems:")


@pytest.mark.parametrize("last", ["x", "\x85", "\x7f"])
@pytest.mark.parametrize("path", [f"{MAPS}/large", MAPS])
async def test_large_yaml_is_written_as_json_unless_yaml_would_not_take_it(
    api: harness.Api, path: str, last: str
) -> None:
    await api.create(MAPS, harness.config_map("large", k="y" * 600_000, end=last))
    plain = (await api.get(path)).body
    answer = await api.get(path, headers={"Accept": "application/yaml"})
    assert answer.headers["Content-Type"] == "application/yaml"
    assert answer.body.startswith(b'{"' if last == "x" else b"apiVersion")
    assert yaml.safe_load(answer.body) == plain
