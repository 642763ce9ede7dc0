"""The versions of one kind: what a manager owns is said in the version it wrote in, and is compared in that version."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bascule.control.schema import types
from bascule.vocabulary.objects import Object

Convert = Callable[[Object], Object]


class Version(NamedTuple):
    """`there` converts an object from the version of the request, `back` to it; neither changes its argument."""

    schema: types.TypeSchema
    there: Convert
    back: Convert


Versions = Callable[[str], Version | None]
"""By apiVersion; None for a version that is not served any more: who owned something in it owns it no longer."""


def own(schema: types.TypeSchema) -> Version:
    """The version of the request itself."""
    return Version(schema, _itself, _itself)


def alone(schema: types.TypeSchema) -> Versions:
    """For kinds whose fields have the same names in every version."""
    only = own(schema)
    return lambda _: only


def _itself(obj: Object) -> Object:
    return obj
