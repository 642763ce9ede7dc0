"""Quantities inside objects, as a server writes them back: `1000m` becomes `1`, a number becomes text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from bascule.vocabulary import quantity
from bascule.vocabulary.objects import Object


@lru_cache(maxsize=8192)
def _canonical(text: str) -> str:
    try:
        return quantity.canonical(text)
    except quantity.QuantityError:
        return text  # validation says so


def canonical(value: Any) -> Any:
    if type(value) is str:
        return _canonical(value)
    return _canonical(str(value)) if type(value) in (int, float) else value


def canonicalize(container: Object, key: str) -> None:
    """Every quantity of the map at `key`, in place."""
    amounts = container.get(key)
    if type(amounts) is dict:
        for name, value in amounts.items():
            amounts[name] = canonical(value)
