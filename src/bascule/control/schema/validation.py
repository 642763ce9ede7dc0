"""Does a body fit its type? Wrong types, unknown fields and duplicates, worded as Kubernetes' decoder words them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bascule.control.schema import types
from bascule.vocabulary.objects import Object


class Findings(NamedTuple):
    """What is wrong with a body: type errors refuse it always, the rest as `fieldValidation` says."""

    type_errors: tuple[str, ...] = ()
    unknown_fields: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()

    def strict_problems(self) -> list[str]:
        """`unknown field "spec.x"`, `duplicate field "spec.replicas"`: the texts of warnings."""
        return [f'unknown field "{path}"' for path in self.unknown_fields] + [
            f'duplicate field "{path}"' for path in self.duplicates
        ]


def check(obj: Object, schema: types.TypeSchema, *, duplicates: Sequence[str] = ()) -> Findings:
    """Everything wrong with the object; `NOTHING` itself when it is fine (the fast path)."""
    raise NotImplementedError


def enforce(findings: Findings, obj: Object, field_validation: str) -> list[str]:
    """Raises 400 as upstream words it, or returns the warnings to send. Mode: `Ignore`, `Warn` or `Strict`."""
    raise NotImplementedError


def prune_unknown(obj: Object, schema: types.TypeSchema) -> Object:
    """The object without undeclared fields; the same object if there are none."""
    raise NotImplementedError
