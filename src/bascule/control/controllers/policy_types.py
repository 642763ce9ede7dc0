"""Whether the expressions of a ValidatingAdmissionPolicy fit the types it matches: warnings in its status. Pure.

Types are only known where a rule names groups, versions and resources; at most ten are looked at, as upstream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bascule.control.cel import declarations, program
from bascule.control.cel import types as cel
from bascule.control.cel.errors import CompileError
from bascule.control.custom import rule_types, structural
from bascule.control.kinds import admission_expressions
from bascule.control.schema import catalog, types
from bascule.vocabulary import builtins, objects

_TYPES_MAX = 10
Typed = tuple[str, cel.Type]
"""How messages call a kind (`apps/v1, Kind=Deployment`), and its type."""


class _Fields(Mapping[str, cel.Type]):
    """The fields of a built-in type, which may be within themselves: each is made when it is asked for."""

    def __init__(self, fields: Mapping[str, types.TypeSchema]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> cel.Type:
        return declared(self._fields[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def declared(schema: types.TypeSchema) -> cel.Type:
    """A built-in type as expressions see it."""
    match schema.shape:
        case "struct" if schema.fields:
            return cel.object_type(schema.definition or "object", _Fields(schema.fields))
        case "map" if schema.additional is not None:
            return cel.map_of(cel.STRING, declared(schema.additional))
        case "list" if schema.items is not None:
            return cel.list_of(declared(schema.items))
        case "string":
            return cel.BYTES if schema.format == "byte" else cel.STRING
        case "time":
            return cel.TIMESTAMP
        case "quantity":
            return cel.STRING
        case "integer":
            return cel.INT
        case "number":
            return cel.DOUBLE
        case "boolean":
            return cel.BOOL
    return cel.DYN


def matched(policy: objects.Object, definitions: Sequence[objects.Object]) -> list[Typed]:
    """The kinds that the policy's rules name; `definitions` are the cluster's custom ones."""
    found: dict[str, cel.Type] = {}
    match = (policy.get("spec") or {}).get("matchConstraints") or {}
    for rule in match.get("resourceRules") or ():
        groups, versions, plurals = (rule.get(key) or [] for key in ("apiGroups", "apiVersions", "resources"))
        if "*" in (*groups, *versions, *plurals):
            continue
        for group in groups:
            for version in versions:
                for plural in plurals:
                    typed = _built_in(group, version, plural) or _custom(group, version, plural, definitions)
                    if typed is not None:
                        found.setdefault(*typed)
    return sorted(found.items())[:_TYPES_MAX]


def _built_in(group: str, version: str, plural: str) -> Typed | None:
    row = builtins.REGISTRY.by_plural(group, version, plural)
    schema = catalog.schema_of(row.api_version, row.kind) if row is not None else None
    if row is None or schema is None:
        return None
    return f"{row.api_version}, Kind={row.kind}", declared(schema)


def _custom(group: str, version: str, plural: str, definitions: Sequence[objects.Object]) -> Typed | None:
    for definition in definitions:
        spec = definition["spec"]
        if spec["group"] != group or spec["names"]["plural"] != plural:
            continue
        for one in spec["versions"]:
            schema = (one.get("schema") or {}).get("openAPIV3Schema")
            if one["name"] == version and schema:
                found = rule_types.declare(structural.parse(schema), is_resource=True)
                return (f"{group}/{version}, Kind={spec['names']['kind']}", found.type) if found else None
    return None


def warnings(policy: objects.Object, kinds: Sequence[Typed]) -> list[dict[str, str]]:
    """What the policy's status says: the field, and what is wrong for each kind."""
    spec = policy.get("spec") or {}
    found = []
    for index, validation in enumerate(spec.get("validations") or ()):
        for key in ("expression", "messageExpression"):
            text = (validation.get(key) or "").strip()
            problems = [f"{name}: {problem}" for name, kind in kinds if (problem := _problem(spec, kind, text))]
            if text and problems:
                found.append({"fieldRef": f"spec.validations[{index}].{key}", "warning": "\n".join(problems)})
    return found


def _problem(spec: objects.Object, kind: cel.Type, text: str) -> str:
    given = admission_expressions.environment(params=spec.get("paramKind") is not None, authorizer=True)
    given = given.with_variables({"object": kind, "oldObject": kind})
    try:
        program.compile(text, _composed(spec, given))
    except CompileError as error:
        return str(error)
    return ""


def _composed(spec: objects.Object, given: declarations.Environment) -> declarations.Environment:
    made: dict[str, cel.Type] = {}
    for variable in spec.get("variables") or ():
        current = admission_expressions.with_composed(given, made)
        made[variable["name"]] = admission_expressions.result(variable.get("expression") or "", current)
    return admission_expressions.with_composed(given, made)


def status_of(policy: objects.Object, definitions: Sequence[objects.Object]) -> objects.Object:
    """The status of a policy whose types have been looked at."""
    found = warnings(policy, matched(policy, definitions))
    checking: objects.Object = {"expressionWarnings": found} if found else {}
    before = policy.get("status") or {}
    return {**before, "observedGeneration": objects.generation(policy), "typeChecking": checking}
