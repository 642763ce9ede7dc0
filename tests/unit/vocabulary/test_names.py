"""Which names are allowed, in upstream's words, and how new ones are made."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.vocabulary import names

LONG = "a" * 64


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (
            names.is_dns1123_label,
            ["a", "0", "a-b", "9z", "a" * 63],
            ["", "-a", "a-", "A", "a.b", "a_b", LONG, "a\n", "é"],
        ),
        (names.is_dns1123_subdomain, ["a", "a.b", "1.2", "a" * 253], ["", ".a", "a.", "a..b", "A.b", "a" * 254, "a/b"]),
        (names.is_dns1035_label, ["a", "a-1"], ["", "1a", "a.b", LONG, "a-"]),
        (names.is_path_segment, ["a", "system:node", "a b", "..."], [".", "..", "a/b", "a%b"]),
        (
            names.is_qualified_name,
            ["a", "A_b.c-1", "example.com/a"],
            ["", "/a", "a/", "a/b/c", "-a", LONG, "E/a", "x/" + LONG],
        ),
        (names.label_value_problems, ["", "a", "A_b.c-1", "a" * 63], ["-a", "a-", "a b", LONG, "é"]),
        (names.is_environment_name, ["A", "_a.b-c", "-"], ["", "1A", "a b", "a=b"]),
        (names.is_config_key, ["a", ".a", "A_1.x-y", "..."[:1] + "x"], ["", ".", "..", "..a", "a/b", "a" * 254, "a b"]),
        (names.is_port_name, ["http", "a1", "1a", "a-b"], ["", "80", "-a", "a-", "a--b", "A", "a" * 16, "80A"]),
    ],
)
def test_tables(check: Callable[[str], list[str]], good: list[str], bad: list[str]) -> None:
    assert [text for text in good if check(text)] == []
    assert [text for text in bad if not check(text)] == []


def test_words_are_upstreams() -> None:
    assert names.is_dns1123_label("A") == [
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
        "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    ]
    assert names.is_dns1123_subdomain("A")[0].endswith(
        "(e.g. 'example.com', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    )
    assert names.is_dns1123_label("a.b") == ["must not contain dots"]
    assert names.is_dns1123_label(LONG) == ["must be no more than 63 characters"]
    assert names.is_port_name("a" * 16) == ["must be no more than 15 characters"]
    assert names.label_value_problems(LONG) == ["must be no more than 63 bytes"]
    assert names.label_key_problems(LONG) == ["name part must be no more than 63 bytes"]
    assert names.label_key_problems("a" * 254 + "/b") == ["prefix part must be no more than 253 bytes"]
    assert names.label_key_problems("a/b/c")[0].startswith("a valid label key must consist of")
    assert names.is_port_name("80") == ["must contain at least one letter (a-z)"]
    assert names.is_qualified_name("example.com/")[0] == "name part must be non-empty"
    assert names.is_qualified_name("/a") == ["prefix part must be non-empty"]
    assert names.is_qualified_name("a/b/c")[0].endswith("prefix and '/' (e.g. 'example.com/MyName')")
    assert names.port_number_problems(0) == ["must be between 1 and 65535, inclusive"]
    assert names.port_number_problems(65535) == []


@given(st.text(max_size=70))
def test_a_label_is_a_subdomain_and_a_label_value(text: str) -> None:
    if not names.is_dns1123_label(text):
        assert not names.is_dns1123_subdomain(text)
        assert not names.label_value_problems(text)
        assert not names.is_qualified_name(text)
        assert not names.is_path_segment(text)
    if not names.is_dns1035_label(text):
        assert not names.is_dns1123_label(text)


@given(st.from_regex(r"[a-z]([-a-z0-9]{0,80}[a-z0-9])?-?", fullmatch=True), st.randoms(use_true_random=False))
def test_generated_names_are_labels_that_keep_as_much_of_the_prefix_as_fits(prefix: str, source: random.Random) -> None:
    made = names.generate(prefix, source)
    assert names.is_dns1123_label(made) == []
    assert made[:-5] == prefix[:58]
    assert re.fullmatch("[bcdfghjklmnpqrstvwxz2456789]{5}", made[-5:])


def test_uids_are_random_uuids() -> None:
    source = random.Random(1)
    first, second = names.new_uid(source), names.new_uid(source)
    assert first != second
    assert uuid.UUID(first).version == 4
    assert str(uuid.UUID(first)) == first
    assert names.new_uid(random.Random(1)) == first
