"""RoleBindings and ClusterRoleBindings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, identifiers, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column, Strategy
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_GROUP = "rbac.authorization.k8s.io"
_KINDS = ("ServiceAccount", "User", "Group")


def _default(obj: Object) -> None:
    shape.fill_zero(shape.ensure(obj, "roleRef"), "apiGroup", _GROUP)
    for subject in shape.items(obj, "subjects"):
        if subject.get("kind") in ("User", "Group"):
            shape.fill_zero(subject, "apiGroup", _GROUP)


def _reference(obj: Object, kinds: tuple[str, ...]) -> Causes:
    role = shape.mapping(obj, "roleRef")
    if role.get("apiGroup") != _GROUP:
        yield errors.not_supported("roleRef.apiGroup", role.get("apiGroup") or "", (_GROUP,))
    if role.get("kind") not in kinds:
        yield errors.not_supported("roleRef.kind", role.get("kind") or "", kinds, in_order=True)
    name = shape.text(role, "name")
    yield from identifiers.required_segment("roleRef.name", name)


def _subjects(obj: Object, *, namespaced: bool) -> Causes:
    for index, subject in enumerate(shape.items(obj, "subjects")):
        at, kind, name = f"subjects[{index}]", shape.text(subject, "kind"), shape.text(subject, "name")
        if not name:
            yield errors.required(f"{at}.name", "")
        if kind == "ServiceAccount":
            if name:
                yield from check.subdomain(f"{at}.name", name)
            if subject.get("apiGroup"):
                yield errors.not_supported(f"{at}.apiGroup", subject["apiGroup"], ("",))
            if not namespaced and not subject.get("namespace"):
                yield errors.required(f"{at}.namespace", "")
        elif kind in _KINDS:
            if subject.get("apiGroup") != _GROUP:
                yield errors.not_supported(f"{at}.apiGroup", subject.get("apiGroup") or "", (_GROUP,))
        else:
            yield errors.not_supported(f"{at}.kind", kind, _KINDS, in_order=True)


def _rules(obj: Object) -> Causes:
    yield from _reference(obj, ("Role", "ClusterRole"))
    yield from _subjects(obj, namespaced=True)


def _cluster_rules(obj: Object) -> Causes:
    yield from _reference(obj, ("ClusterRole",))
    yield from _subjects(obj, namespaced=False)


def _update_rules(new: Object, old: Object) -> Causes:
    if new.get("roleRef") != old.get("roleRef"):
        yield errors.invalid_value("roleRef", new.get("roleRef"), "cannot change roleRef")


def _cells(obj: Object, now: datetime) -> list[Any]:
    role, subjects = shape.mapping(obj, "roleRef"), shape.items(obj, "subjects")

    def named(kind: str) -> str:
        return ", ".join(shape.text(subject, "name") for subject in subjects if subject.get("kind") == kind)

    accounts = ", ".join(
        f"{shape.text(subject, 'namespace')}/{shape.text(subject, 'name')}"
        for subject in subjects
        if subject.get("kind") == "ServiceAccount"
    )
    return [
        columns.name(obj),
        f"{shape.text(role, 'kind')}/{shape.text(role, 'name')}",
        columns.age(obj, now),
        named("User"),
        named("Group"),
        accounts,
    ]


def _binding(rules: generic.Rules) -> Strategy:
    return generic.make(
        name_rule=metadata.path_segment,
        default=_default,
        rules=rules,
        update_rules=_update_rules,
        columns=(
            columns.NAME,
            Column("Role", description="The role that is given."),
            columns.AGE,
            Column("Users", priority=1, description="Users who get it."),
            Column("Groups", priority=1, description="Groups that get it."),
            Column("ServiceAccounts", priority=1, description="Service accounts that get it."),
        ),
        cells=_cells,
        create_on_update=True,
    )


ROLE_BINDING = _binding(_rules)
CLUSTER_ROLE_BINDING = _binding(_cluster_rules)
