"""Crowded bodies are refused before they are parsed, and text with brackets is not."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.schema import decoding, density
from bascule.vocabulary import errors

VALUES = st.recursive(
    st.none() | st.integers(0, 9) | st.text('[]{}",\\a', max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('[]{}"\\b', max_size=4), inner, max_size=4),
    max_leaves=24,
)


def _held(value: object) -> tuple[int, int]:
    within = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    below = [_held(one) for one in within]
    lists = sum(one for one, _ in below) + isinstance(value, list)
    return lists, sum(other for _, other in below) + isinstance(value, dict)


@given(VALUES, st.integers(0, 4), st.integers(0, 4))
def test_only_what_holds_too_many_is_refused(value: object, lists_max: int, objects_max: int) -> None:
    lists, objects = _held(value)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(density, "LISTS_MAX", lists_max)
        patched.setattr(density, "OBJECTS_MAX", objects_max)
        if lists > lists_max or objects > objects_max:
            with pytest.raises(errors.StatusError) as refused:
                density.check(orjson.dumps(value), 200)
            assert refused.value.code == 413
        else:
            density.check(orjson.dumps(value), 200)


@given(st.binary(max_size=40), st.text('["\\{', max_size=40))
def test_what_is_no_json_is_left_to_the_parser_or_refused(junk: bytes, text: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(density, "LISTS_MAX", 0)
        assert all(_refusal(body) in (0, 400, 413) for body in (junk, text.encode()))


def _refusal(body: bytes) -> int:
    try:
        density.check(body, 200)
    except errors.StatusError as refused:
        return refused.code
    return 0


@pytest.mark.parametrize("part", [b"[]", b"{}", b'{"a":1}', b"[[[1]]]"])
def test_three_megabytes_of_containers_do_not_reach_the_parser(part: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding.orjson, "loads", lambda _: pytest.fail("parsed"))
    body = b'{"a":[' + b",".join([part] * ((decoding.BODY_BYTES_MAX - 8) // (len(part) + 1))) + b"]}"
    with pytest.raises(errors.StatusError) as refused:
        decoding.decode(body, decoding.JSON)
    assert refused.value.code == 413


def test_text_full_of_brackets_is_only_text() -> None:
    text = "[{" * 400_000 + '\\"[' * 1000
    assert decoding.decode_value(orjson.dumps({"a": text}), decoding.JSON) == {"a": text}


def test_what_is_only_opened_is_too_deep() -> None:
    with pytest.raises(errors.StatusError, match="deeper") as refused:
        density.check(b"[" * 1_000_000, decoding.DEPTH_MAX)
    assert refused.value.code == 400
