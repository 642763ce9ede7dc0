"""Formats, patterns and numbers as Go sees them."""

from __future__ import annotations

import pytest

from bascule.control.custom import formats, patterns, showing

FITS = [
    ("uri", ["https://example.com/a?b=c", "/absolute", "urn:x"], ["relative/path", "", "http://a b"]),
    ("email", ["a@example.com", "Some One <a@b.c>"], ["a", "a@", "@b"]),
    ("hostname", ["example.com", "a", "a-b.c1"], ["-a", "a..b", "x" * 64, "a_b"]),
    ("ipv4", ["10.0.0.1"], ["10.0.0", "::1", "10.0.0.256"]),
    ("ipv6", ["::1", "2001:db8::1"], ["10.0.0.1", "::1%eth0"]),
    ("cidr", ["10.0.0.0/8", "10.0.0.1/8", "::/0"], ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/255.0.0.0"]),
    ("mac", ["01:23:45:67:89:ab", "01-23-45-67-89-ab", "0123.4567.89ab"], ["01:23", "01:23:45:67:89-ab"]),
    ("uuid", ["123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000"], ["123e4567"]),
    ("uuid4", ["123e4567-e89b-42d3-a456-426614174000"], ["123e4567-e89b-12d3-a456-426614174000"]),
    ("isbn", ["0321751043", "978-0321751041"], ["0321751044"]),
    ("creditcard", ["4111 1111 1111 1111"], ["4111 1111 1111 1112"]),
    ("ssn", ["111-22-3333"], ["111-22-333"]),
    ("hexcolor", ["#FFFFFF", "abc"], ["#FFFFF"]),
    ("rgbcolor", ["rgb(255,255, 0)"], ["rgb(256,0,0)"]),
    ("byte", ["aGk=", "aGVsbG8="], ["aGk", "a b=", ""]),
    ("password", ["", "x"], []),
    ("date", ["2026-02-28"], ["2026-02-30", "2026-2-3"]),
    ("duration", ["1h2m3s", "1.5h", "22 ns", "5 days", "-1s", "0"], ["5", "1x", ""]),
    ("date-time", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123+02:00"], ["2026-01-01", "2026-13-01T00:00:00Z"]),
    ("quantity", ["10Gi", "100m", "1e3"], ["10 Gi", ""]),
    ("k8s-short-name", ["a-b"], ["a.b", "A"]),
    ("k8s-long-name", ["a.b-c.d"], ["a..b"]),
]


@pytest.mark.parametrize(("name", "good", "bad"), FITS, ids=[row[0] for row in FITS])
def test_format(name: str, good: list[str], bad: list[str]) -> None:
    assert formats.known("string", name) == name
    fits = formats.of_text(name)
    assert fits is not None
    assert [text for text in good if not fits(text)] == []
    assert [text for text in bad if fits(text)] == []


def test_formats_belong_to_types() -> None:
    assert formats.known("integer", "int32") == "int32"
    assert formats.known("integer", "date") == ""
    assert formats.known("string", "int32") == ""
    assert formats.known("object", "date") == ""


BAD_PATTERNS = [
    ("[a-z", "error parsing regexp: missing closing ]: `[a-z`"),
    ("(a", "error parsing regexp: missing closing ): `(a`"),
    ("*a", "error parsing regexp: missing argument to repetition operator: `*`"),
    ("a**", "error parsing regexp: invalid nested repetition operator: `**`"),
    ("(?=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"),
    ("a{1001}", "error parsing regexp: invalid repeat count: `{1001}`"),
    ("a\\", "error parsing regexp: trailing backslash at end of expression: ``"),
]


@pytest.mark.parametrize(("pattern", "problem"), BAD_PATTERNS)
def test_bad_pattern(pattern: str, problem: str) -> None:
    assert patterns.problem(pattern) == problem
    assert not patterns.matcher(pattern)("a")


def test_pattern() -> None:
    assert patterns.problem(r"^\p{L}+$") == ""
    assert patterns.matcher(r"^\p{L}+$")("grün")
    assert patterns.matcher("b")("abc")
    assert not patterns.matcher("^b")("abc")
    assert patterns.matcher("^a+$")("a" * 1000)


NUMBERS = [(1, "1"), (1.0, "1"), (1.5, "1.5"), (1e6, "1e+06"), (123456.0, "123456"), (1e-5, "1e-05"), (-0.25, "-0.25")]


@pytest.mark.parametrize(("number", "text"), NUMBERS)
def test_number(number: float, text: str) -> None:
    assert showing.number(number) == text


def test_values_are_json() -> None:
    assert showing.json({"b": "<a>", "a": None}) == '{"a":null,"b":"\\u003ca\\u003e"}'
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    assert showing.json(deep) == '"..."'
