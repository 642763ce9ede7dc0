"""Decoding of bodies: formats, and the bounds that hold whatever is sent."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.schema import decoding, yaml_body
from bascule.vocabulary import errors

WRITTEN_BARE = re.compile(r"[-+]?(\.?\d[\d_]*\.?[eE][-+]?\d+|0o[0-7_]+)")
"""Text that the writer of YAML leaves without quotes and Go's reader takes for a number."""
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Co", "Cn")), max_size=8).filter(
        lambda text: not WRITTEN_BARE.fullmatch(text)
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc: #", max_size=4), inner, max_size=4),
    max_leaves=12,
)


def refusal_of(body: bytes, content_type: str) -> errors.StatusError:
    with pytest.raises(errors.StatusError) as refusal:
        decoding.decode(body, content_type)
    return refusal.value


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "application/json; charset=utf-8", "application/yaml"]
)
def test_json_is_read_under_every_name(content_type: str) -> None:
    assert decoding.decode(b'{"a": 1}', content_type, default=("v1", "Pod")) == {
        "a": 1,
        "apiVersion": "v1",
        "kind": "Pod",
    }


def test_the_body_names_its_own_kind_first() -> None:
    assert decoding.decode(b"kind: X\napiVersion: v2", "application/yaml", default=("v1", "Pod")) == {
        "apiVersion": "v2",
        "kind": "X",
    }


@pytest.mark.parametrize(
    "body", [b"", b"  ", b"{", b"[1]", b"1", b'{"a": NaN}', b'{"a": 1e999}', b"\xff", b'{"kind": 1}']
)
def test_what_is_no_object_is_a_bad_request(body: bytes) -> None:
    assert refusal_of(body, decoding.JSON).code == 400


def test_other_formats_are_unsupported() -> None:
    for unknown in ("application/cbor", "text/plain", "text/yaml", "application/merge-patch+json"):
        assert refusal_of(b"{}", unknown).code == 415


def test_size_is_bounded() -> None:
    assert refusal_of(b" " * (decoding.BODY_BYTES_MAX + 1), decoding.JSON).code == 413


@pytest.mark.parametrize("content_type", [decoding.JSON, decoding.YAML])
@pytest.mark.parametrize("depth", [201, 900, 100_000])
def test_depth_is_bounded(content_type: str, depth: int) -> None:
    for body in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth):
        assert refusal_of(body, content_type).code == 400
    assert refusal_of(b"- " * depth + b"x", decoding.YAML).code == 400


def test_depth_is_exact_and_brackets_in_text_do_not_count() -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a[{":', b"}"), (b'[{"a":', b"}]")):
        step = opening.count(b"[") + opening.count(b"{") - 2 * (b"a[{" in opening)
        levels = decoding.DEPTH_MAX // step
        body = opening * levels + b'"\\"[[{{"' + closing * levels
        value = json.loads(body)
        assert not decoding.is_deeper_than(value, levels * step)
        assert decoding.is_deeper_than(value, levels * step - 1)


def test_slow_bodies_are_told_apart() -> None:
    assert not decoding.is_slow(b'{"a": 1}', decoding.YAML)
    assert decoding.is_slow(b"a: 1\n" * 1000, decoding.YAML)
    assert not decoding.is_slow(b"a: 1\n" * 1000, decoding.JSON)


def test_depth_within_bounds_passes() -> None:
    body = b'{"a":' * 150 + b"1" + b"}" * 150
    assert "a" in decoding.decode(body, decoding.JSON)


def test_alias_bombs_are_refused_and_honest_aliases_copied() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for level in range(1, 12):
        bomb += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n"
    assert "excessive aliasing" in refusal_of(bomb.encode(), decoding.YAML).message
    assert "contains itself" in refusal_of(b"a: &a [*a]", decoding.YAML).message
    value = decoding.decode(b"a: &a {x: [1]}\nb: *a\nc:\n  <<: *a\n  y: 2", decoding.YAML)
    assert value == {"a": {"x": [1]}, "b": {"x": [1]}, "c": {"x": [1], "y": 2}}
    assert value["a"] is not value["b"]


def test_yaml_scalars_read_as_kubernetes_reads_them() -> None:
    text = b"d: 2026-01-01\nt: 12:30\no: 0644\nb: yes\nf: 1.5\ne: 1e3\nn: ~\n1: x\ntrue: y\ns: '1'\nh: 0x1F\nv: 1.2.3"
    assert decoding.decode(text, decoding.YAML) == {
        "d": "2026-01-01",
        "t": "12:30",
        "o": 420,
        "b": True,
        "f": 1.5,
        "e": 1000,
        "n": None,
        "1": "x",
        "true": "y",
        "s": "1",
        "h": 31,
        "v": "1.2.3",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"a: !!python/object/apply:os.system [x]",
        b"a: !!binary aGk=",
        b"a: !!set {x}",
        b"? [1, 2]\n: x",
        b"a: " + b"9" * 100_000,
        b"a: 1e9999",
        b"a: .inf",
        b"a: b: c",
        b"--- {a: 1}\n--- {b: 2}",
    ],
)
def test_yaml_beyond_json_is_refused(body: bytes) -> None:
    assert refusal_of(body, decoding.YAML).code == 400


class _Quoting(yaml.SafeDumper):
    """Quotes every string: others read as numbers (`0E0`) what this library takes for text."""


_Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


@given(value=st.dictionaries(st.text("abc", max_size=3), VALUES, max_size=4))
def test_yaml_and_json_agree(value: dict[str, Any]) -> None:
    as_json = decoding.decode_value(json.dumps(value).encode(), decoding.JSON)
    as_yaml = decoding.decode_value(yaml.dump(value, Dumper=_Quoting).encode(), decoding.YAML)
    assert as_json == as_yaml == value


@given(body=st.binary(max_size=100))
def test_junk_is_refused_with_a_status(body: bytes) -> None:
    for content_type in (decoding.JSON, decoding.YAML):
        try:
            decoding.decode_value(body, content_type)
            code = 200
        except errors.StatusError as refusal:
            code = refusal.code
        assert code in (200, 400)


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        (b'{"a": 1, "b": {"a": 1}}', []),
        (b'{"a": 1, "a": 2}', ["a"]),
        (
            b'{"spec": {"replicas": 1, "x": [{"y": 1, "y": 2, "y": 3}], "replicas": 2}}',
            ["spec.replicas", "spec.x[0].y"],
        ),
        (b'{"a": "text with \\": in it"}', []),
    ],
)
def test_duplicates_are_found(body: bytes, paths: list[str]) -> None:
    assert decoding.duplicates(body, decoding.JSON) == paths
    assert decoding.duplicates(body, decoding.YAML) == paths


@given(st.text(" \t\r\n", max_size=4), st.text(" \t\r\n", max_size=4))
def test_duplicates_are_found_however_members_are_spaced(one: str, other: str) -> None:
    body = f'{{"kind": "P", "a"{one}: 1, "b"{other}: 2, "a": 3, "c":"x"}}'.encode()
    assert decoding.duplicates(body, decoding.JSON) == ["a"]
    assert decoding.duplicates(body, decoding.JSON, decoding.decode(body, decoding.JSON)) == ["a"]


def test_duplicates_in_yaml() -> None:
    assert decoding.duplicates(b"spec:\n  a: 1\n  l:\n  - b: 1\n    b: 2\n  a: 2\n", decoding.YAML) == [
        'line 5: key "b" already set in map',
        'line 6: key "a" already set in map',
    ]


def test_a_yaml_stream_deeper_than_the_parser_dares_does_not_reach_it() -> None:
    with pytest.raises(yaml_body.YamlError, match="deeper"):
        yaml_body.load(b"[" * 200_000, depth_max=100)


def test_a_body_that_is_no_object_says_what_was_wanted_and_how_it_begins() -> None:
    body, wanted = b"apiVersion: v1\nkind: Pod", ("v1", "Namespace")
    with pytest.raises(errors.StatusError) as refused:
        decoding.decode(body, "application/json", default=wanted)
    assert refused.value.code == 400
    assert refused.value.message.startswith(
        "the object provided is unrecognized (must be of type Namespace): couldn't get version/kind; json parse error: "
    )
    assert refused.value.message.endswith(f"({body.hex()})")
    with pytest.raises(errors.StatusError, match=r'\({"kind": "Namespace", "metadat \.\.\.\)'):
        decoding.decode(b'{"kind": "Namespace", "metadata" oops', "application/json", default=wanted)
    with pytest.raises(errors.StatusError, match="<empty>"):
        decoding.decode(b"", "application/json", default=wanted)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"spec":{"b":1}}',
        b'{"kind":"P","a":1,"a":2,"spec":{}}',
        b'{"a":1,"a":2,"kind":"P"}',
        b'{"a":1,"a":2,"apiVersion":"v1"}',
        b'{"a":1,"a":2}',
        b'{"a":1,"spec":{"b":[{"c":1,"c":2}]},"d":"x\\":"}',
        b'{"kind":"","a":1,"a":{"b":1}}',
        b"{}",
    ],
)
def test_what_was_decoded_spares_looking_for_duplicates_again(body: bytes) -> None:
    found = decoding.duplicates(body, decoding.JSON, decoding.decode(body, decoding.JSON, default=("v1", "P")))
    assert found == decoding.duplicates(body, decoding.JSON)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: b\nc: [\n", "line 2: did not find expected node content"),
        ("a: b: c\n", "mapping values are not allowed in this context"),
        ("a: 1\nb: c: d\n", "line 2: mapping values are not allowed in this context"),
        ("a:\n  - b\n c: d\n", "line 2: did not find expected key"),
        ("a: 1\n\tb: 2\n", "line 2: found a tab character that violates indentation"),
        ("a: [1, 2\nb: 3\n", "line 1: did not find expected ',' or ']'"),
        ("a: *some\n", "unknown anchor 'some' referenced"),
        ("a: \x01\n", "control characters are not allowed"),
    ],
)
def test_what_is_no_yaml_is_told_as_upstream_tells_it(text: str, problem: str) -> None:
    with pytest.raises(decoding.Unreadable) as raised:
        decoding.decode_value(text.encode(), decoding.YAML)
    assert str(raised.value) == f"error converting YAML to JSON: yaml: {problem}"


def test_only_empty_documents_follow_the_first() -> None:
    assert decoding.decode_value(b"a: 1\n---\n---\n# nothing\n", decoding.YAML) == {"a": 1}
    with pytest.raises(decoding.Unreadable, match="expected a single document"):
        decoding.decode_value(b"a: 1\n---\nb: 2\n", decoding.YAML)


def test_integers_beyond_64_bits_are_floats_as_in_json() -> None:
    text = b"a: 123456789012345678901234567890\nb: 18446744073709551615\nc: -9223372036854775808\n"
    value = decoding.decode_value(text, decoding.YAML)
    assert value == {"a": 1.2345678901234568e29, "b": (1 << 64) - 1, "c": -(1 << 63)}
    assert type(value["a"]) is float
    orjson.dumps(value)
