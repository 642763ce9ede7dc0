"""A patch's own text: read, and what strict validation finds in it before it is applied.

Members that are given twice and, in JSON patches, members that no operation has: warned of or refused as the request's
`fieldValidation` says, together with what the patched object has too much. Most patches are the JSON of what they are
decoded to, and then say nothing twice; only others are read again.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any, Final, NamedTuple

from bascule.control.api import body
from bascule.control.api import call as calls
from bascule.control.api.wire import negotiate
from bascule.control.patch import json_patch
from bascule.control.schema import decoding, json_problems, validation
from bascule.vocabulary import errors, objects

JSON_PATCH: Final = "application/json-patch+json"
MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
APPLY: Final = "application/apply-patch+yaml"
_SUPPORTED: Final = (JSON_PATCH, MERGE, STRATEGIC, APPLY)
OF_CUSTOM_RESOURCES: Final = (JSON_PATCH, MERGE, APPLY)

_STRICT: Final = "strict decoding error: "
_OPERATION: Final = ("op", "path", "from", "value")
_TEXTS: Final = frozenset({"op", "path", "from"})
_UNDECODED: Final = "error decoding patch: "


class Patch(NamedTuple):
    """What was sent, decoded, and `problems` of its text that refuse it in strict validation."""

    value: Any
    problems: list[str]

    def refusing(self, refuse: validation.Refuse) -> validation.Refuse:
        """`refuse`, which tells of these problems first where it tells of ones of their sort."""
        if not self.problems:
            return refuse

        def refuse_all(obj: objects.Object, problem: str) -> errors.StatusError:
            if problem.startswith(_STRICT):
                problem = _STRICT + ", ".join([*self.problems, problem.removeprefix(_STRICT)])
            return refuse(obj, problem)

        return refuse_all

    def check(self, patched: objects.Object, refuse: validation.Refuse) -> None:
        """Raises what `refuse` makes of the problems; for an object of which there is nothing else to say."""
        if self.problems:
            raise refuse(patched, _STRICT + ", ".join(self.problems))


def require_supported(call: calls.Call) -> None:
    """415 for a body in none of the languages, 422 for an option that only an apply has."""
    supported = _SUPPORTED if call.endpoint.prune is None else OF_CUSTOM_RESOURCES
    if call.content_type not in supported:
        raise errors.unsupported_media_type(supported)
    if call.options.force and call.content_type != APPLY:
        cause = errors.forbidden_field("force", "may not be specified for non-apply patch")
        raise errors.invalid("PatchOptions", "meta.k8s.io", "", [cause])


async def read(call: calls.Call) -> Patch:
    """The patch in the request's body: a list of operations, or an object.

    Raises 400 for what is none. Warns where that is asked for, and then there are no problems.
    """
    content, content_type = await call.body(), call.content_type
    begins = "" if content_type == STRATEGIC else _UNDECODED
    try:
        value = await body.value(content, negotiate.JSON)
    except decoding.Unreadable as error:
        raise errors.bad_request(begins + str(error).removeprefix(decoding.NO_JSON)) from error
    if content_type == JSON_PATCH:
        value = _operations(value)
    elif value is None and content_type == STRATEGIC:
        value = {}
    elif value is None:
        raise errors.bad_request("Invalid JSON Patch")
    elif value.__class__ is not dict:
        raise errors.bad_request(f"{begins}{_mismatch(value, 'map[string]interface {}')}")
    problems: list[str] = []
    if call.options.field_validation != "Ignore":
        problems = await _problems(call, content, value)
    if call.options.field_validation == "Warn":
        for line in problems:
            call.warn(line)
        problems = []
    return Patch(value, problems)


def _operations(value: Any) -> list[Any]:
    if value is None:
        return []
    if value.__class__ is not list:
        raise errors.bad_request(_UNDECODED + _mismatch(value, "[]handlers.jsonPatchOp"))
    json_patch.check_count(value)
    for operation in value:
        if operation.__class__ is not dict:
            raise errors.bad_request(_UNDECODED + _mismatch(operation, "handlers.jsonPatchOp"))
        for name in _TEXTS:
            given = operation.get(name)
            if given is not None and given.__class__ is not str:
                where = f"json: cannot unmarshal {json_problems.kind(given)} into Go struct field jsonPatchOp.{name}"
                raise errors.bad_request(f"{_UNDECODED}{where} of type string")
    return value


def _mismatch(value: Any, wanted: str) -> str:
    return f"json: cannot unmarshal {json_problems.kind(value)} into Go value of type {wanted}"


async def _problems(call: calls.Call, content: bytes, value: Any) -> list[str]:
    twice: list[str] = []
    if not body.is_as_encoded(call, content, value):
        twice = await body.decoded(functools.partial(decoding.duplicates, decoded=value), content, negotiate.JSON)
    if call.content_type != JSON_PATCH:
        return validation.Findings(duplicates=tuple(twice)).strict_problems()
    named = ((place, name) for place, operation in enumerate(value) for name in operation)
    foreign = (f"[{place}].{name}" for place, name in named if name not in _OPERATION)
    unknown = list(itertools.islice(foreign, validation.PROBLEMS_MAX))
    order = await body.decoded(decoding.paths, content, negotiate.JSON) if twice and unknown else []
    found = validation.Findings(unknown_fields=tuple(unknown), duplicates=tuple(twice), order=tuple(order))
    return [f"json patch {problem}" for problem in found.strict_problems()]
