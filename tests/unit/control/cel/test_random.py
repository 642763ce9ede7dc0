"""Whatever anyone writes: the engine's own errors, Python's own arithmetic, and a budget that holds."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.control.cel import estimate, program, types
from bascule.control.cel.errors import CompileError, EvaluationError
from bascule.control.cel.libraries.kubernetes import ENVIRONMENT
from bascule.control.cel.values import INT_MAX, INT_MIN

ENV = ENVIRONMENT.with_variables({"a": types.INT, "b": types.INT, "d": types.DYN, "s": types.STRING})
ints = st.integers(INT_MIN, INT_MAX)


def truncated(left: int, right: int) -> int:
    found = abs(left) // abs(right)
    return found if (left < 0) == (right < 0) else -found


OPERATORS: dict[str, Callable[[int, int], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": truncated,
    "%": lambda left, right: left - truncated(left, right) * right,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
COMPILED = {sign: program.compile(f"a {sign} b", ENV) for sign in OPERATORS}


@given(ints, ints, st.sampled_from(sorted(OPERATORS)))
def test_arithmetic_is_pythons_within_bounds(left: int, right: int, sign: str) -> None:
    outcome = COMPILED[sign].run({"a": left, "b": right})
    if right == 0 and sign in "/%":
        assert "by zero" in str(outcome.error)
        return
    expected = OPERATORS[sign](left, right)
    if not INT_MIN <= expected <= INT_MAX or (sign == "%" and (left, right) == (INT_MIN, -1)):
        assert str(outcome.error) == "integer overflow"
    else:
        assert (outcome.value, outcome.error) == (expected, None)


@given(st.text(max_size=30), st.text(max_size=3))
def test_text_is_pythons(text: str, part: str) -> None:
    values = {"s": text, "d": part}
    assert program.compile("s.size()", ENV).evaluate(values) == len(text)
    assert program.compile("s.contains(string(d))", ENV).evaluate(values) is (part in text)
    assert program.compile("s.split(string(d)).join(string(d))", ENV).evaluate(values) == text
    assert program.compile("s.reverse().reverse()", ENV).evaluate(values) == text


def attempt(source: str) -> tuple[program.Program | None, str]:
    try:
        return program.compile(source, ENV), ""
    except CompileError as error:
        return None, str(error)


PIECES = (
    "a b d s x 1 0 2u 1.5 'a' b'a' true false null [ ] { } ( ) . ? : , + - * / % < == && || ! in has( size( .all(x, "
    ".exists(x, .map(x, .filter(x, .map(x,y, .all(x,y, .transformMap(x,y, cel.bind(x, int( string( dyn( type( "
    "duration('1s') timestamp('2020-01-01T00:00:00Z') .size() .? [? optional.of( .orValue( .optMap(x, quantity('1') "
    ".matches( .format( \\ \" ''' é ` @"
)


@pytest.mark.slow
@given(st.lists(st.sampled_from(PIECES.split()), max_size=14).map(" ".join))
@settings(max_examples=200)
def test_any_text_compiles_or_says_why_not(source: str) -> None:
    compiled, problem = attempt(source)
    if compiled is None:
        assert problem.startswith("ERROR: <input>:")
        return
    estimate.cost(compiled.tree, {})
    compiled.run({"a": 1, "b": 0, "d": {"a": [1]}, "s": "text"})


LEAVES = (
    "a b d d.a d.n d.t d.m['k'] s 0 1 -1 9223372036854775807 1.5 2u 'a' null [1,2,3] {'k':1} optional.none() "
    "duration('1s') true [] d.?a b'x' x type(a)"
)


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from(["+", "-", "*", "/", "%", "<", "<=", "==", "!=", "&&", "||", "in"])
    calls = st.sampled_from(["size", "int", "string", "double", "dyn", "type", "!", "-", "uint", "bool"])
    members = st.sampled_from(
        ["size()", "orValue(1)", "hasValue()", "sum()", "min()", "join()", "lowerAscii()", "value()"]
    )
    macros = st.sampled_from(["all", "exists", "exists_one", "map", "filter"])
    return st.one_of(
        st.tuples(inner, signs, inner).map(lambda parts: f"(dyn({parts[0]}) {parts[1]} dyn({parts[2]}))"),
        st.tuples(inner, signs, inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"),
        st.tuples(calls, inner).map(lambda parts: f"{parts[0]}({parts[1]})"),
        st.tuples(inner, members).map(lambda parts: f"dyn({parts[0]}).{parts[1]}"),
        st.tuples(inner, inner).map(lambda parts: f"dyn({parts[0]})[dyn({parts[1]})]"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} ? {parts[1]} : {parts[2]})"),
        st.tuples(inner, macros, inner).map(lambda parts: f"dyn({parts[0]}).{parts[1]}(x, {parts[2]})"),
        st.tuples(inner, inner).map(lambda parts: f"[dyn({parts[0]}), dyn({parts[1]})]"),
        st.tuples(inner, inner).map(lambda parts: f"{{dyn({parts[0]}): {parts[1]}}}"),
    )


@pytest.mark.slow
@given(st.recursive(st.sampled_from(LEAVES.split()), grown, max_leaves=12), st.integers(0, 300))
@settings(max_examples=200)
def test_programs_end_in_a_value_or_an_error_within_the_budget(source: str, limit: int) -> None:
    compiled, _ = attempt(f"[0].map(x, {source})")
    if compiled is None:
        return
    data = {"a": [3, 1, 2], "n": None, "t": "text", "m": {"k": 1, "l": [True]}}
    outcome = compiled.run({"a": 7, "b": 0, "d": data, "s": "some text"}, limit)
    assert outcome.error is None or isinstance(outcome.error, EvaluationError)
    assert outcome.error is not None or outcome.cost <= limit
