"""RBAC policy rules as values: what one rule covers, and what a set of rules covers.

Stated here once, plainly. `rbac` compiles rules for speed; a property test holds the two together.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

ALL = "*"


class Rule(NamedTuple):
    verbs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def allows(self, verb: str, group: str, resource: str, name: str) -> bool:
        """`resource` with its subresource, as `pods/status`."""
        return (
            _has(self.verbs, verb)
            and _has(self.groups, group)
            and _has_resource(self.resources, resource)
            and (not self.names or name in self.names)
        )

    def allows_path(self, verb: str, path: str) -> bool:
        return _has(self.verbs, verb) and any(path_matches(pattern, path) for pattern in self.paths)

    def document(self) -> dict[str, Any]:
        """The rule as the API spells it."""
        fields = {
            "verbs": self.verbs,
            "apiGroups": self.groups,
            "resources": self.resources,
            "resourceNames": self.names,
            "nonResourceURLs": self.paths,
        }
        return {key: list(value) for key, value in fields.items() if value}

    def compact(self) -> str:
        """As upstream shows rules inside messages."""
        fields = (
            ("APIGroups", self.groups),
            ("Resources", self.resources),
            ("ResourceNames", self.names),
            ("NonResourceURLs", self.paths),
            ("Verbs", self.verbs),
        )
        shown = [f"{key}:[{' '.join(map(_quoted, value))}]" for key, value in fields if value]
        return "{" + ", ".join(shown) + "}"


def parse(document: Mapping[str, Any]) -> Rule:
    return Rule(
        tuple(document.get("verbs") or ()),
        tuple(document.get("apiGroups") or ()),
        tuple(document.get("resources") or ()),
        tuple(document.get("resourceNames") or ()),
        tuple(document.get("nonResourceURLs") or ()),
    )


def path_matches(pattern: str, path: str) -> bool:
    if pattern in (ALL, path):
        return True
    return pattern.endswith(ALL) and path.startswith(pattern.rstrip(ALL))


def atoms(rule: Rule) -> Iterable[Rule]:
    """The rule as rules of one verb, one group, one resource, one name (or none)."""
    for verb in rule.verbs:
        for path in rule.paths:
            yield Rule((verb,), paths=(path,))
        for group in rule.groups:
            for resource in rule.resources:
                if not rule.names:
                    yield Rule((verb,), (group,), (resource,))
                for name in rule.names:
                    yield Rule((verb,), (group,), (resource,), (name,))


def uncovered(held: Iterable[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """The atoms of `wanted` that no single rule of `held` grants."""
    held = list(held)
    return [atom for rule in wanted for atom in atoms(rule) if not any(_covers(owner, atom) for owner in held)]


def compacted(missing: Iterable[Rule]) -> list[Rule]:
    """Atoms that differ in their verb alone, as one rule each: what people are shown."""
    merged: dict[Rule, tuple[str, ...]] = {}
    for atom in missing:
        bare = atom._replace(verbs=())
        merged[bare] = (*merged.get(bare, ()), *(verb for verb in atom.verbs if verb not in merged.get(bare, ())))
    return [bare._replace(verbs=verbs) for bare, verbs in merged.items()]


def _covers(owner: Rule, atom: Rule) -> bool:
    if not _has(owner.verbs, atom.verbs[0]):
        return False
    if atom.paths:
        return any(path_matches(pattern, atom.paths[0]) for pattern in owner.paths)
    return (
        _has(owner.groups, atom.groups[0])
        and _has_resource(owner.resources, atom.resources[0])
        and (not owner.names or bool(atom.names and atom.names[0] in owner.names))
    )


def _quoted(text: str) -> str:
    return f'"{text}"'


def _has(values: tuple[str, ...], value: str) -> bool:
    return value in values or ALL in values


def _has_resource(values: tuple[str, ...], resource: str) -> bool:
    if resource in values or ALL in values:
        return True
    _, slash, subresource = resource.partition("/")
    return bool(slash) and f"*/{subresource}" in values
