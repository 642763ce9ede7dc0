"""Decoding in steps makes what decoding in one go makes, of JSON and of what is none."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as some

from bascule.vocabulary import stepwise

SCALARS = (
    some.none() | some.booleans() | some.integers(-(2**63), 2**64 - 1) | some.floats(allow_nan=False) | some.text()
)
VALUES = some.recursive(
    SCALARS,
    lambda below: some.lists(below, max_size=5) | some.dictionaries(some.text(max_size=5), below, max_size=5),
    max_leaves=30,
)


def outcome(loads: Any, text: bytes) -> Any:
    try:
        return orjson.dumps(loads(text))  # Dumped, as the order of members counts.
    except orjson.JSONDecodeError as error:
        return str(error)


@pytest.fixture(scope="module", autouse=True)
def small_steps() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stepwise, "STEP_BYTES", 8)
        patch.setattr(stepwise, "FEW", 0)
        yield


@given(VALUES, some.sampled_from((0, orjson.OPT_INDENT_2)))
def test_what_is_json(value: Any, option: int) -> None:
    text = orjson.dumps(value, option=option | orjson.OPT_NON_STR_KEYS)
    assert outcome(stepwise.loads, text) == outcome(orjson.loads, text)


@given(VALUES, some.data())
def test_what_is_nearly_json(value: Any, data: some.DataObject) -> None:
    text = bytearray(orjson.dumps(value))
    for _ in range(data.draw(some.integers(1, 3))):
        at = data.draw(some.integers(0, len(text)))
        text[at : at + data.draw(some.integers(0, 2))] = data.draw(some.sampled_from(PIECES))
    assert outcome(stepwise.loads, bytes(text)) == outcome(orjson.loads, bytes(text))


PIECES = (
    b"",
    b'"":1e400,"":1,',
    b'"',
    b",",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"\\",
    b" ",
    b"\n",
    b"0",
    b"-",
    b"\xff",
    b"\\ud800",
    b"NaN",
    b'"a":',
)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"b":[1,2,3,4,5,6],"a":2}',
        b'{"a":"\xff","b":[1,2,3,4,5,6],"a":2}',
        b'{"a":{"\xed\xa0\x80":1},"a":{},"b":[1,2,3]}',
        b'{"a":1e400,"b":[1,2,3,4,5,6],"a":2}',
        b'  \n {"a" : [ 1 , 2 , 3 ] , "b":{} } \n ',
        b'{"\\ud83d\\ude00":"\\ud83d\\ude00","\\u0041":1}',
        b"[" * 200 + b"]" * 200,
        b"[" * 5000 + b"]" * 5000,
        b"[" * 5000,
        b'{"a":' * 200 + b"1" + b"}" * 200,
        b"\xef\xbb\xbf" + b'{"aaaaaaaa":1}',
        b"\x0b\x0c" + b'{"aaaaaaaa":1}',
        b"123456789012345678901234567890",
        b'"aaaaaaaaaaaaaaaaaaaaaaaaaa"',
        b'{"aaaaaaaaa":123456789012345678901234567890}',
        b"         ",
    ],
)
def test_the_odd_ones(text: bytes) -> None:
    assert outcome(stepwise.loads, text) == outcome(orjson.loads, text)


def test_one_step_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """However a long text nests, what is decoded at once is little more than a step."""
    taken: list[int] = []
    real = orjson.loads
    monkeypatch.setattr(stepwise, "STEP_BYTES", 1000)
    monkeypatch.setattr(orjson, "loads", lambda text: (taken.append(len(text)), real(text))[1])
    wide = {f"field{n}": {"a": n, "b": [n, {"c": n}]} for n in range(1000)}
    value = {"kind": "x", "spec": {"versions": [{"name": "v1", "schema": {"properties": wide}}]}, "list": [wide] * 2}
    assert stepwise.loads(orjson.dumps(value)) == value
    assert max(taken) < 1100
    assert len(taken) < 250
