"""Which names a definition gets in its group, and the conditions that say so. Pure.

A name that another definition of the group, or a built-in kind, already has stays refused until it is free.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from bascule.control.kinds import shape
from bascule.control.kinds.custom_resource_definition import outline
from bascule.vocabulary import conditions, objects, resources

NAMES_ACCEPTED = "NamesAccepted"
ESTABLISHED = "Established"
TERMINATING = "Terminating"
NON_STRUCTURAL = "NonStructuralSchema"
CONFORMANT = "KubernetesAPIApprovalPolicyConformant"
_PULL = "https://github.com/kubernetes/enhancements/pull/1111"


class Taken(NamedTuple):
    """Names in use in a group: of resources (plural, singular, short) and of kinds (and of their lists)."""

    resources: frozenset[str]
    kinds: frozenset[str]


class Condition(NamedTuple):
    type: str
    status: str
    reason: str
    message: str


def taken(accepted: Iterable[dict[str, Any]], rows: Iterable[resources.Resource]) -> Taken:
    """From the accepted names of a group's other definitions and the group's built-in rows."""
    used: set[str] = set()
    kinds: set[str] = set()
    for names in accepted:
        used.update((shape.text(names, "plural"), shape.text(names, "singular"), *shape.texts(names, "shortNames")))
        kinds.update((shape.text(names, "kind"), shape.text(names, "listKind")))
    for row in rows:
        used.update((row.plural, row.singular, *row.short_names))
        kinds.update((row.kind, row.list_kind))
    return Taken(frozenset(used - {""}), frozenset(kinds - {""}))


def accept(crd: objects.Object, used: Taken) -> tuple[dict[str, Any], Condition]:
    """The names the definition has from now on, and its `NamesAccepted`."""
    wanted = shape.mapping(shape.mapping(crd, "spec"), "names")
    held = shape.mapping(shape.mapping(crd, "status"), "acceptedNames")
    names = dict(held)
    conflict: tuple[str, str] | None = None
    for field, reason, pool in (
        ("plural", "PluralConflict", used.resources),
        ("singular", "SingularConflict", used.resources),
        ("shortNames", "ShortNamesConflict", used.resources),
        ("kind", "KindConflict", used.kinds),
        ("listKind", "ListKindConflict", used.kinds),
    ):
        clashes = _clashes(wanted, held, field, pool)
        if clashes:
            conflict = reason, _aggregate([f'"{name}" is already in use' for name in clashes])
        else:
            _take(names, wanted, field)
    _take(names, wanted, "categories")
    if conflict is not None:
        return names, Condition(NAMES_ACCEPTED, "False", *conflict)
    return names, Condition(NAMES_ACCEPTED, "True", "NoConflicts", "no conflicts found")


def _clashes(wanted: objects.Object, held: objects.Object, field: str, pool: frozenset[str]) -> list[str]:
    if field == "shortNames":
        own = {*shape.texts(held, field), shape.text(held, "plural"), shape.text(held, "singular")}
        return [name for name in shape.texts(wanted, field) if name not in own and name in pool]
    name = shape.text(wanted, field)
    return [name] if name in pool and name != shape.text(held, field) else []


def _take(names: dict[str, Any], wanted: objects.Object, field: str) -> None:
    if wanted.get(field):
        names[field] = wanted[field]
    else:
        names.pop(field, None)


def _aggregate(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def established(crd: objects.Object, accepted: Condition) -> Condition | None:
    """The `Established` to set; None where it stays as it is: once established, a definition remains so."""
    if conditions.is_true(crd, ESTABLISHED):
        return None
    if accepted.status == "True":
        return Condition(ESTABLISHED, "True", "InitialNamesAccepted", "the initial names have been accepted")
    return Condition(ESTABLISHED, "False", "NotAccepted", "not all names are accepted")


def conformance(crd: objects.Object) -> Condition | None:
    """Whether a definition in a group of the Kubernetes community says who approved it; None in other groups."""
    group = shape.text(shape.mapping(crd, "spec"), "group")
    if not any(group == domain or group.endswith(f".{domain}") for domain in ("k8s.io", "kubernetes.io")):
        return None
    value = objects.annotations(crd).get(outline.APPROVED) or ""
    must = f'protected groups must have approval annotation "{outline.APPROVED}"'
    if not value:
        return Condition(CONFORMANT, "False", "MissingAnnotation", f"{must}, see {_PULL}")
    if value.startswith("unapproved"):
        return Condition(CONFORMANT, "False", "UnapprovedAnnotation", f'not approved: "{value}"')
    if _is_url(value):
        return Condition(CONFORMANT, "True", "ApprovedAnnotation", f"approved in {value}")
    text = f'{must} with either a URL or a reason starting with "unapproved", see {_PULL}'
    return Condition(CONFORMANT, "False", "InvalidAnnotation", text)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)
