"""Quotes are those of Go, and can be read back."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.vocabulary import quoting


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", '""'),
        ("a b", '"a b"'),
        ('say "no" \\ yes', '"say \\"no\\" \\\\ yes"'),
        ("\a\b\f\n\r\t\v", '"\\a\\b\\f\\n\\r\\t\\v"'),
        ("\x00\x1f\x7f", '"\\x00\\x1f\\x7f"'),
        ("grün \u00a0\u200b\U0001f600\U000e0001", '"grün \\u00a0\\u200b\U0001f600\\U000e0001"'),
    ],
)
def test_texts_are_quoted_as_go_quotes_them(text: str, shown: str) -> None:
    assert quoting.quoted(text) == shown


@given(st.text())
def test_quotes_hold_the_text(text: str) -> None:
    shown = quoting.quoted(text)
    assert shown.isprintable()
    assert ast.literal_eval(shown) == text
