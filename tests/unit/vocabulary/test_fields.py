"""Field selectors: text there and back, escapes, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.vocabulary import errors, fields

names = st.sampled_from(["metadata.name", "spec.nodeName", "status.phase"])
requirements = st.builds(fields.Requirement, names, st.sampled_from(["=", "!="]), st.text("ab\\,= !é", max_size=6))


def parsed(text: str) -> fields.FieldSelector | None:
    """None for a text that was refused as a bad request; any other failure is one of the test."""
    try:
        return fields.parse(text)
    except errors.StatusError as error:
        return None if error.code == 400 else pytest.fail(str(error))


@given(st.lists(requirements, max_size=4))
def test_text_parses_back(parts: list[fields.Requirement]) -> None:
    selector = fields.FieldSelector(tuple(parts))
    assert fields.parse(selector.text()) == selector


@given(st.lists(requirements, max_size=4), st.dictionaries(names, st.text("ab", max_size=1)))
def test_matching(parts: list[fields.Requirement], have: dict[str, str]) -> None:
    expected = all((have.get(f, "") == v) is (o == "=") for f, o, v in parts)
    assert fields.FieldSelector(tuple(parts)).matches(have) is expected


@given(st.text("ab=!,\\ .", max_size=12))
def test_any_text_is_a_selector_or_a_400(text: str) -> None:
    selector = parsed(text)
    assert selector is None or fields.parse(selector.text()) == selector


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        (",", ()),
        ("metadata.name=a", (("metadata.name", "=", "a"),)),
        ("metadata.name==a", (("metadata.name", "=", "a"),)),
        ("metadata.name!=a,", (("metadata.name", "!=", "a"),)),
        ("a=,b!=", (("a", "=", ""), ("b", "!=", ""))),
        (r"a=x\,y\=z\\", (("a", "=", r"x,y=z" + "\\"),)),
    ],
)
def test_forms(text: str, expected: tuple[tuple[str, str, str], ...]) -> None:
    assert fields.parse(text).requirements == expected


@pytest.mark.parametrize("text", ["a", "a>1", "a=b=c", "a=b!=c", r"a=b\c", "a=b\\", "a in (b)"])
def test_what_does_not_parse(text: str) -> None:
    with pytest.raises(errors.StatusError) as refused:
        fields.parse(text)
    assert (refused.value.code, refused.value.reason) == (400, "BadRequest")


def test_an_exact_value_can_be_looked_up_in_an_index() -> None:
    selector = fields.parse("spec.nodeName!=b,spec.nodeName=a")
    assert selector.exact("spec.nodeName") == "a"
    assert selector.exact("metadata.name") is None
    assert fields.EVERYTHING.everything
    assert not selector.everything


def test_too_many_requirements() -> None:
    with pytest.raises(errors.StatusError):
        fields.parse(",".join("a=b" for _ in range(fields.REQUIREMENTS_MAX + 1)))
