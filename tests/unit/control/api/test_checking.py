"""What is shared with a checked object needs no check: looking at the news alone says what looking at all says."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bascule.control.api import body
from bascule.control.patch import apply
from bascule.control.schema import fitting, types
from bascule.vocabulary import errors, objects
from tests.unit.control.patch import shapes

KINDS = [("v1", "ConfigMap"), ("v1", "Pod"), ("apps/v1", "Deployment"), ("batch/v1", "Job")]
T1, T2 = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def _applied(data: st.DataObject, live: objects.Object | None, kind: tuple[str, str], who: str) -> objects.Object:
    schema = shapes.kind(*kind)
    drawn = data.draw(shapes.values(schema).filter(lambda value: isinstance(value, dict)))
    asked = {**drawn, "apiVersion": kind[0], "kind": kind[1]}
    try:
        return apply.server_side(live, asked, who, force=True, schema=schema, now=T2 if live else T1)
    except errors.StatusError:
        assume(False)
        raise


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[1])
@given(data=st.data(), who=st.sampled_from(["ann", "bob"]))
def test_the_news_of_an_apply_fit_where_all_of_it_does(kind: tuple[str, str], data: st.DataObject, who: str) -> None:
    fits = fitting.fits(shapes.kind(*kind))
    live = _applied(data, None, kind, "ann")
    assume(fits(live))
    after = _applied(data, live, kind, who)
    assert fits(body.news(after, live, frozenset({"managedFields"}))) == fits(after)


def test_a_null_that_was_not_there_is_news() -> None:
    schema: types.TypeSchema = shapes.kind("v1", "ConfigMap")
    news = body.news({"data": None, "kind": "ConfigMap", "metadata": {"a": None, "b": 1}}, {"metadata": {"b": 1}})
    assert news == {"data": None, "kind": "ConfigMap", "metadata": {"a": None}}
    assert not fitting.fits(schema)(news)
