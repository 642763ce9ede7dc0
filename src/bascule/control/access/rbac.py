"""RBAC: roles and bindings compiled for each user, kept for as long as none of them changes.

A warm check is a few dictionary look-ups. ClusterRoles with an aggregation rule are evaluated as the union of what they
select, so a role that arrives now counts now, without waiting for a controller to copy its rules.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from bascule.control.access import reader, rules, user
from bascule.vocabulary import errors, labels, objects

GROUP: Final = "rbac.authorization.k8s.io"
_PLURALS: Final = ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
_USERS_MAX: Final = 10_000
_ANSWERS_MAX: Final = 10_000


class Grant(NamedTuple):
    """Rules that somebody holds: everywhere when `namespace` is "", and why."""

    namespace: str
    rules: tuple[rules.Rule, ...]
    reason: str


class _Binding(NamedTuple):
    namespace: str
    role_kind: str
    role_name: str
    shown: str


class Answer(NamedTuple):
    """For one verb, resource and namespace: the reason any name is allowed ("" if not), and those for single names."""

    reason: str
    names: Mapping[str, str]


class Rights:
    """What one user may do in one cluster."""

    def __init__(self, grants: Sequence[Grant], missing: Sequence[tuple[str, str]] = ()) -> None:
        self.grants = grants
        self._missing = missing
        self._answers: dict[tuple[str, str, str, str], Answer] = {}

    def resource(self, verb: str, group: str, resource: str, namespace: str, name: str) -> str:
        """The reason why it is allowed, or ""."""
        key = (verb, group, resource, namespace)
        answer = self._answers.get(key)
        if answer is None:
            if len(self._answers) >= _ANSWERS_MAX:
                self._answers.clear()
            answer = self._answers[key] = self._answer(*key)
        return answer.reason or (answer.names.get(name, "") if name else "")

    def path(self, verb: str, path: str) -> str:
        for grant in self.grants:
            if not grant.namespace and any(rule.allows_path(verb, path) for rule in grant.rules):
                return grant.reason
        return ""

    def problem(self, namespace: str) -> str:
        """Bindings of this user to roles that are not there, as part of a refusal; "" without any."""
        if not self._missing:
            return ""
        texts = list(dict.fromkeys(text for place, text in self._missing if place in ("", namespace)))
        return f"RBAC: {texts[0] if len(texts) == 1 else '[' + ', '.join(texts) + ']'}" if texts else ""

    def held(self, namespace: str) -> Iterator[rules.Rule]:
        """Every rule in force in the namespace."""
        for grant in self.grants:
            if grant.namespace in ("", namespace):
                yield from grant.rules

    def _answer(self, verb: str, group: str, resource: str, namespace: str) -> Answer:
        names: dict[str, str] = {}
        for grant in self.grants:
            if grant.namespace and grant.namespace != namespace:
                continue
            for rule in grant.rules:
                if rule._replace(names=()).allows(verb, group, resource, ""):
                    if not rule.names:
                        return Answer(grant.reason, {})
                    for name in rule.names:
                        names.setdefault(name, grant.reason)
        return Answer("", names)


class Compiled:
    """The roles and bindings of one cluster, indexed by subject."""

    def __init__(self, source: reader.Reader, cluster: str) -> None:
        self._cluster_roles = {objects.name(role): role for role in source.list(GROUP, "clusterroles", cluster, None)}
        self._roles = {
            (objects.namespace(role), objects.name(role)): role for role in source.list(GROUP, "roles", cluster, None)
        }
        self._parsed: dict[tuple[str, str], tuple[rules.Rule, ...]] = {}
        self._bindings: dict[tuple[str, str], list[_Binding]] = {}
        for plural, kind in (("clusterrolebindings", "ClusterRoleBinding"), ("rolebindings", "RoleBinding")):
            for binding in source.list(GROUP, plural, cluster, None):
                self._index(binding, kind)

    def rights(self, who: user.User) -> Rights:
        subjects = [("User", who.name), *(("Group", group) for group in who.groups)]
        grants, missing = [], []
        for subject in subjects:
            for binding in self._bindings.get(subject, ()):
                role_rules = self.role_rules(binding.role_kind, binding.namespace, binding.role_name)
                if role_rules is None and binding.role_name:
                    kind = binding.role_kind.lower()
                    missing.append((binding.namespace, f'{kind}.{GROUP} "{binding.role_name}" not found'))
                elif role_rules:
                    shown = f'{subject[0]} "{subject[1]}"'
                    account = who.service_account() if subject[0] == "User" else None
                    if account:
                        shown = f'ServiceAccount "{account[1]}/{account[0]}"'
                    grants.append(Grant(binding.namespace, role_rules, f"RBAC: allowed by {binding.shown} to {shown}"))
        return Rights(grants, missing)

    def role_rules(self, kind: str, namespace: str, name: str) -> tuple[rules.Rule, ...] | None:
        """The rules of a role, aggregated ones included; None when there is no such role."""
        scope = namespace if kind == "Role" else ""
        known = self._parsed.get((scope, name))
        if known is not None:
            return known
        role = self._roles.get((scope, name)) if kind == "Role" else self._cluster_roles.get(name)
        if role is None:
            return None
        parsed = tuple(dict.fromkeys(self._expand(role, set())))
        self._parsed[(scope, name)] = parsed
        return parsed

    def _expand(self, role: objects.Object, seen: set[str]) -> Iterator[rules.Rule]:
        selectors = (role.get("aggregationRule") or {}).get("clusterRoleSelectors")
        for document in role.get("rules") or ():
            if document:
                yield rules.parse(document)
        if not selectors:
            return
        seen.add(objects.name(role))
        for selector in _readable_selectors(selectors):
            for name, other in sorted(self._cluster_roles.items()):
                if name not in seen and selector.matches(objects.labels(other)):
                    seen.add(name)
                    yield from self._expand(other, seen)

    def _index(self, binding: objects.Object, kind: str) -> None:
        reference = binding.get("roleRef") or {}
        namespace = objects.namespace(binding) if kind == "RoleBinding" else ""
        place = f"{objects.name(binding)}/{namespace}" if namespace else objects.name(binding)
        shown = f'{kind} "{place}" of {reference.get("kind")} "{reference.get("name")}"'
        entry = _Binding(namespace, reference.get("kind") or "", reference.get("name") or "", shown)
        for subject in filter(None, binding.get("subjects") or ()):
            self._bindings.setdefault(_subject_key(subject, namespace), []).append(entry)


def _readable_selectors(documents: Sequence[objects.Object | None]) -> Iterator[labels.Selector]:
    """A selector that cannot be read selects nothing; it must not stop everybody's authorization."""
    for document in documents:
        try:
            yield labels.from_label_selector(document)
        except (errors.StatusError, AttributeError, TypeError, KeyError):
            continue


def _subject_key(subject: objects.Object, namespace: str) -> tuple[str, str]:
    kind, name = subject.get("kind") or "", subject.get("name") or ""
    if kind == "ServiceAccount":
        return "User", f"{user.SERVICE_ACCOUNT_PREFIX}{subject.get('namespace') or namespace}:{name}"
    return kind, name


class Policy:
    """Compiled clusters and users' rights, dropped as soon as any role or binding has changed."""

    def __init__(self, source: reader.Reader) -> None:
        self._source = source
        self._revisions: tuple[int, ...] = ()
        self._compiled: dict[str, Compiled] = {}
        self._rights: dict[tuple[str, str, tuple[str, ...]], Rights] = {}

    def rights(self, who: user.User, cluster: str) -> Rights:
        self._refresh()
        key = (cluster, who.name, who.groups)
        known = self._rights.get(key)
        if known is None:
            if len(self._rights) >= _USERS_MAX:
                self._rights.clear()
            known = self._rights[key] = self._cluster(cluster).rights(who)
        return known

    def compiled(self, cluster: str) -> Compiled:
        self._refresh()
        return self._cluster(cluster)

    def _refresh(self) -> None:
        revision = self._source.revision
        revisions = (
            revision(GROUP, _PLURALS[0]),
            revision(GROUP, _PLURALS[1]),
            revision(GROUP, _PLURALS[2]),
            revision(GROUP, _PLURALS[3]),
        )
        if revisions != self._revisions:
            self._compiled.clear()
            self._rights.clear()
            self._revisions = revisions

    def _cluster(self, cluster: str) -> Compiled:
        known = self._compiled.get(cluster)
        if known is None:
            known = self._compiled[cluster] = Compiled(self._source, cluster)
        return known
