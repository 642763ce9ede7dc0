"""The outline of a definition says of it all that serving and settling it ask, and nothing large."""

import random
from datetime import UTC, datetime
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.api.custom import offer
from bascule.control.cache import record
from bascule.control.kinds import custom_resource_definitions
from bascule.control.kinds.custom_resource_definition import outline
from bascule.control.kinds.strategy import Context
from bascule.vocabulary import objects
from tests.unit.control.api import crds

STRATEGY = custom_resource_definitions.STRATEGY
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("ab"), below, max_size=2),
)


def _definition() -> dict[str, Any]:
    large = crds.version("v1", {f"f{n}": {"type": "string", "description": "x" * 50} for n in range(1000)})
    obj = crds.definition("CronTab", large, crds.version("v2", storage=False, subresources={"status": {}}))
    obj["metadata"] |= {"uid": "u", "annotations": {outline.APPROVED: "https://a/b", "c": "d"}, "finalizers": ["a/b"]}
    STRATEGY.default(obj)
    STRATEGY.prepare_create(obj, Context(datetime(2026, 1, 2, tzinfo=UTC), random.Random(7)))
    obj["status"]["conditions"] = [{"type": "Established", "status": "True"}]
    return obj


def _stored(obj: dict[str, Any], fields: dict[str, str]) -> record.Record:
    return record.Record(objects.Key("root", "", "crontabs.stable.example.com"), 5, record.draft(obj, fields))


def test_a_stored_definition_is_offered_by_its_outline_alone() -> None:
    obj = _definition()
    fields = STRATEGY.selectable_fields(obj)
    assert len(fields[outline.FIELD]) < 2000
    stored = _stored(obj, fields)
    assert orjson.loads(stored.field(outline.FIELD)) == outline.of(obj)
    whole = offer.read(stored.key, 5, obj)
    assert [row.version for row in whole.rows] == ["v2", "v1"]
    brief = offer.read(stored.key, 5, offer.outlined(stored))
    assert (brief.same_resource(whole), brief.established, brief.served) == (True, True, whole.served)
    assert offer.outlined(stored)["status"] == obj["status"]


def test_one_stored_without_an_outline_is_decoded() -> None:
    obj = _definition()
    assert offer.outlined(_stored(obj, {}))["spec"] == obj["spec"]


@given(JSON, JSON, JSON)
def test_whatever_a_definition_is_its_outline_reads_alike(metadata: Any, spec: Any, status: Any) -> None:
    obj = {"metadata": metadata, "spec": spec, "status": status}
    key = objects.Key("root", "", "a")
    assert offer.read(key, 1, outline.of(obj)) == offer.read(key, 1, obj)
