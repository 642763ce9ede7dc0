"""Label selectors: text there and back, and matching against the plainest reading of each operator."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.vocabulary import errors, labels

keys = st.sampled_from(["a", "b", "app.kubernetes.io/name", "in", "notin", "x-1"])
values = st.sampled_from(["", "1", "2", "10", "in", "notin", "v1.2_3-x", "1_0"])
maps = st.dictionaries(keys, values)
requirements = st.one_of(
    st.builds(labels.Requirement, keys, st.sampled_from(["in", "notin"]), st.frozensets(values, min_size=1)),
    st.builds(labels.Requirement, keys, st.sampled_from(["exists", "absent"]), st.just(frozenset[str]())),
    st.builds(
        labels.Requirement, keys, st.sampled_from(["gt", "lt"]), st.integers(0, 12).map(lambda n: frozenset([str(n)]))
    ),
)


def holds(requirement: labels.Requirement, have: dict[str, str]) -> bool:
    """The operator, spelled out."""
    present = requirement.key in have
    value = have.get(requirement.key, "")
    if requirement.operator == "exists":
        return present
    if requirement.operator == "absent":
        return not present
    if requirement.operator == "in":
        return present and value in requirement.values
    if requirement.operator == "notin":
        return not present or value not in requirement.values
    (bound,) = requirement.values
    if not (present and value.isdigit()):
        return False
    return int(value) > int(bound) if requirement.operator == "gt" else int(value) < int(bound)


def parsed(text: str) -> labels.Selector | None:
    """None for a text that was refused as a bad request; any other failure is one of the test."""
    try:
        return labels.parse(text)
    except errors.StatusError as error:
        return None if error.code == 400 else pytest.fail(str(error))


@given(st.lists(requirements, max_size=4), maps)
def test_matching_is_the_conjunction_of_the_operators(parts: list[labels.Requirement], have: dict[str, str]) -> None:
    expected = all(holds(part, have) for part in parts)
    assert labels.Selector(tuple(parts)).matches(have) == expected


@given(st.lists(requirements, max_size=4), st.randoms())
def test_text_parses_back_and_order_does_not_matter(parts: list[labels.Requirement], source: random.Random) -> None:
    text = labels.Selector(tuple(parts)).text()
    shuffled = list(parts)
    source.shuffle(shuffled)
    parsed = labels.parse(text)
    assert Counter(parsed.requirements) == Counter(parts)
    assert labels.parse(labels.Selector(tuple(shuffled)).text()) == parsed
    assert labels.parse(parsed.text()) == parsed


@given(st.text(alphabet="ab=!<>(), \tin/.-_1é", max_size=20))
def test_any_text_is_a_selector_or_a_400(text: str) -> None:
    selector = parsed(text)
    assert selector is None or labels.parse(selector.text()) == selector


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        ("  ", ""),
        ("x=a,y=b,z=c", "x=a,y=b,z=c"),
        ("x == a", "x=a"),
        ("x != a", "x!=a"),
        ("x=", "x="),
        ("x= ,z= ", "x=,z="),
        ("!x", "!x"),
        ("x>1,z<5", "x>1,z<5"),
        ("b,a", "a,b"),
        ("x in (b, a)", "x in (a,b)"),
        ("x in (a)", "x=a"),
        ("x notin\n(a)", "x!=a"),
        ("x in (a,)", "x in (,a)"),
        ("x in (a,,b)", "x in (,a,b)"),
        ("x in ()", "x="),
        ("notin=in", "notin=in"),
        ("example.com/key in (so,what)", "example.com/key in (so,what)"),
    ],
)
def test_forms(text: str, canonical: str) -> None:
    assert labels.parse(text).text() == canonical


@pytest.mark.parametrize(
    "text",
    [
        "x=a||y=b",
        "x==a==b",
        "!x=a",
        "x<a",
        "x>",
        "x>1.5",
        "x>99999999999999999999",
        ",",
        "x,",
        ",x",
        "x=a,",
        "=a",
        "!",
        "x in a",
        "x in (a",
        "x in a)",
        "x in (a b)",
        "x y",
        "-x",
        "a/b/c",
        "x=-a",
        "x=" + "v" * 64,
        "k" * 64,
        "(x)",
    ],
)
def test_what_does_not_parse(text: str) -> None:
    with pytest.raises(errors.StatusError) as refused:
        labels.parse(text)
    assert refused.value.code == 400


def test_a_list_of_values_wants_its_bracket() -> None:
    with pytest.raises(errors.StatusError, match=r"^unable to parse requirement: found 'b' expected: '\('$"):
        labels.parse("a in b")


def test_too_many_requirements() -> None:
    with pytest.raises(errors.StatusError) as refused:
        labels.parse(",".join(f"k{n}" for n in range(labels.REQUIREMENTS_MAX + 1)))
    assert refused.value.code == 400


@pytest.mark.parametrize("value", ["1_000", "٣", " 3", "3x", "", "99999999999999999999"])
def test_numbers_are_numbers_of_64_bits(value: str) -> None:
    assert not labels.parse("x>1").matches({"x": value})
    assert not labels.parse("x<1").matches({"x": value})


def test_negative_numbers_compare() -> None:
    assert labels.parse("x<1").matches({"x": "-3"})


@pytest.mark.parametrize(
    ("selector", "have", "matches"),
    [
        (None, {}, False),
        ({}, {}, True),
        ({"matchLabels": None}, {"a": "1"}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1"}}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, {"a": "2"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["3"]}]}, {"a": "4"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Gt", "values": []}]}, {"a": "4"}, False),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]}, {"a": "1"}, False),
    ],
)
def test_label_selector_objects(selector: dict[str, Any] | None, have: dict[str, str], matches: bool) -> None:
    assert labels.from_label_selector(selector).matches(have) is matches


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(errors.StatusError, match="is not a valid label selector operator"):
        labels.from_label_selector({"matchExpressions": [{"key": "a", "operator": "Like", "values": ["x"]}]})


@given(maps, maps)
def test_a_services_selector(selector: dict[str, str], have: dict[str, str]) -> None:
    made = labels.from_map(selector)
    assert made.matches(have) is (bool(selector) and selector.items() <= have.items())
    if selector:
        assert made == labels.from_label_selector({"matchLabels": selector}) == labels.parse(made.text())


def test_everything_and_nothing() -> None:
    assert labels.EVERYTHING.everything
    assert labels.EVERYTHING.matches({})
    assert not labels.NOTHING.everything
    assert not labels.NOTHING.matches({"a": "1"})
    with pytest.raises(ValueError, match="no query form"):
        labels.NOTHING.text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (",a", "found ',', expected: !, identifier, or 'end of string'"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("a,", "found '', expected: identifier after ','"),
        ("a=x y", "found 'y', expected: ',' or 'end of string'"),
        ("a>b", 'unable to parse requirement: values[0]: Invalid value: "b": '
         "for 'Gt', 'Lt' operators, the value must be an integer"),
    ],
)  # fmt: skip
def test_what_cannot_be_parsed_is_told_as_upstream(text: str, said: str) -> None:
    with pytest.raises(errors.StatusError) as refusal:
        labels.parse(text)
    assert refusal.value.message == said


def test_a_wrong_value_is_told_by_its_place_and_key() -> None:
    with pytest.raises(errors.StatusError) as refusal:
        labels.parse("a in (b,-c)")
    assert refusal.value.message.startswith('unable to parse requirement: values[0][a]: Invalid value: "-c": a valid')
