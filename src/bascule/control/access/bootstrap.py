"""What every installation starts with, as desired objects.

The API server creates the missing ones and reconciles roles; nothing is ever taken away from what an operator changed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from bascule.control.access import node, rbac, rules
from bascule.control.access.defaults import components, controllers, fairness, platform, roles
from bascule.vocabulary import objects

_AUTOUPDATE: Final = "rbac.authorization.kubernetes.io/autoupdate"
_LABELS: Final = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_AGGREGATE: Final = "rbac.authorization.k8s.io/aggregate-to-"
_API_VERSION: Final = f"{rbac.GROUP}/v1"
_AGREEING: Final = {"Endpoints": ("subsets",), "EndpointSlice": ("endpoints", "ports"), "ConfigMap": ("data",)}


@dataclass(frozen=True, slots=True)
class Settings:
    """`api_address` and `api_port`: where pods and nodes reach the API server behind the `kubernetes` Service."""

    service_range: str = "10.96.0.0/16"
    api_address: str = "127.0.0.1"
    api_port: int = 6443
    cluster: str = objects.ROOT
    client_ca: str = ""
    """The PEM of who signs clients' certificates."""


def desired(settings: Settings) -> list[objects.Object]:
    """Every object with apiVersion, kind and metadata, in an order in which they can be created."""
    made = [
        *essential(settings),
        *platform.accounts(),
        *platform.priority_classes(),
        *_cluster_roles(),
        *_cluster_role_bindings(),
        *_namespaced_roles(),
    ]
    if settings.cluster == objects.ROOT:
        made += [*fairness.levels(), *fairness.schemas(), *_controllers()]
    made += platform.api_services()
    if settings.cluster != objects.ROOT:
        for obj in made:
            obj["metadata"].setdefault("annotations", {})[objects.CLUSTER_ANNOTATION] = settings.cluster
    return made


def essential(settings: Settings) -> list[objects.Object]:
    """Those of them that a cluster cannot be without for long: the system's namespaces, the `kubernetes` Service."""
    is_told = settings.client_ca and settings.cluster == objects.ROOT
    return [
        *platform.namespaces(),
        platform.service_range(settings.service_range),
        *platform.kubernetes_service(settings.service_range, settings.api_address, settings.api_port),
        *([platform.client_authority(settings.client_ca)] if is_told else []),
    ]


def reconcile(current: objects.Object, wanted: objects.Object) -> objects.Object | None:
    """What `current` must become so that it grants at least `wanted` (roles, bindings); None when it already does.

    The endpoints of the `kubernetes` Service follow the server's address, the ConfigMap about its CA the CA. Everything
    else is left as it is.
    """
    kind = wanted.get("kind") or ""
    if kind in _AGREEING:
        changed = {field: wanted[field] for field in _AGREEING[kind] if current.get(field) != wanted[field]}
        return {**objects.deep_copy(current), **changed} if changed else None
    if objects.annotations(current).get(_AUTOUPDATE) == "false":
        return None
    if kind in ("ClusterRole", "Role"):
        return _reconcile_role(current, wanted)
    if kind in ("ClusterRoleBinding", "RoleBinding"):
        return _reconcile_binding(current, wanted)
    return None


def is_misdirected(current: objects.Object, wanted: objects.Object) -> bool:
    """Whether a binding is to another role than it must be; as that cannot be changed, it is made anew."""
    if objects.annotations(current).get(_AUTOUPDATE) == "false" or "roleRef" not in wanted:
        return False
    return bool(current.get("roleRef") != wanted["roleRef"])


def _reconcile_role(current: objects.Object, wanted: objects.Object) -> objects.Object | None:
    held = [rules.parse(document) for document in current.get("rules") or ()]
    missing = [
        document
        for document in wanted.get("rules") or ()
        if "aggregationRule" not in wanted and rules.uncovered(held, [rules.parse(document)])
    ]
    lacking = {key: text for key, text in objects.labels(wanted).items() if key not in objects.labels(current)}
    aggregation = wanted.get("aggregationRule") if not current.get("aggregationRule") else None
    if not missing and not lacking and not aggregation:
        return None
    changed: objects.Object = objects.deep_copy(current)
    changed["rules"] = [*(changed.get("rules") or ()), *missing]
    changed["metadata"]["labels"] = {**objects.labels(current), **lacking}
    if aggregation:
        changed["aggregationRule"] = aggregation
    return changed


def _reconcile_binding(current: objects.Object, wanted: objects.Object) -> objects.Object | None:
    held = current.get("subjects") or []
    missing = [subject for subject in wanted.get("subjects") or () if subject not in held]
    if not missing:
        return None
    return {**objects.deep_copy(current), "subjects": [*held, *missing]}


def _cluster_roles() -> list[objects.Object]:
    made = []
    for table in (roles.CLUSTER_ROLES, components.CLUSTER_ROLES):
        for name, lines in table.items():
            made.append(_role("ClusterRole", name, lines, aggregates=roles.AGGREGATES.get(name, ())))
    node_role = _role("ClusterRole", "system:node", ())
    node_role["rules"] = [rule.document() for rule in node.RULES]
    made.append(node_role)
    for name, (selected, aggregates) in roles.AGGREGATED.items():
        role = _role("ClusterRole", name, _aggregated_lines(selected), aggregates=aggregates)
        selector = {"matchLabels": {_AGGREGATE + selected: "true"}}
        role["aggregationRule"] = {"clusterRoleSelectors": [selector]}
        made.append(role)
    return made


def _controllers() -> Iterator[objects.Object]:
    """Of the root cluster alone: no controller of upstream's could be one of another."""
    for name, lines in controllers.CLUSTER_ROLES.items():
        role = controllers.PREFIX + name
        yield _role("ClusterRole", role, lines)
        yield _binding(role, role, (f"account kube-system/{name}",))


def _aggregated_lines(name: str) -> tuple[str, ...]:
    """What the role comes to with the defaults alone; a controller adds what is labelled later."""
    order = ("admin", "edit", "view")
    included = order[order.index(name) :]
    return tuple(line for part in included for line in roles.CLUSTER_ROLES[f"system:aggregate-to-{part}"])


def _cluster_role_bindings() -> list[objects.Object]:
    wanted = {name: (name, subjects) for name, subjects in {**roles.BINDINGS, **components.BINDINGS}.items()}
    wanted |= components.EXTRA_BINDINGS
    return [_binding(name, role, subjects) for name, (role, subjects) in wanted.items()]


def _binding(name: str, role: str, subjects: tuple[str, ...]) -> objects.Object:
    return {
        **_header("ClusterRoleBinding", name),
        "roleRef": {"apiGroup": rbac.GROUP, "kind": "ClusterRole", "name": role},
        **({"subjects": [_subject(text) for text in subjects]} if subjects else {}),
    }


def _namespaced_roles() -> list[objects.Object]:
    made = [_role("Role", name, lines, namespace=namespace) for (namespace, name), lines in roles.ROLES.items()]
    for (namespace, name), (role, subjects) in roles.ROLE_BINDINGS.items():
        binding = _header("RoleBinding", name, namespace=namespace)
        binding["roleRef"] = {"apiGroup": rbac.GROUP, "kind": "Role", "name": role}
        binding["subjects"] = [_subject(text) for text in subjects]
        made.append(binding)
    return made


def _role(
    kind: str, name: str, lines: Iterable[str], *, namespace: str = "", aggregates: Iterable[str] = ()
) -> objects.Object:
    role = _header(kind, name, namespace=namespace)
    role["metadata"]["labels"] |= {_AGGREGATE + aggregate: "true" for aggregate in aggregates}
    role["rules"] = [parse_line(line).document() for line in lines]
    return role


def parse_line(line: str) -> rules.Rule:
    """`verbs | groups | resources | names`, each a comma-separated list; see `defaults.roles`."""
    verbs, groups, what, *names = (tuple(part.strip().split(",")) for part in line.split("|"))
    if groups == ("paths",):
        return rules.Rule(verbs, paths=what)
    return rules.Rule(verbs, tuple("" if g == "core" else g for g in groups), what, names[0] if names else ())


def _header(kind: str, name: str, *, namespace: str = "") -> objects.Object:
    metadata: dict[str, Any] = {"name": name, "labels": dict(_LABELS), "annotations": {_AUTOUPDATE: "true"}}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": _API_VERSION, "kind": kind, "metadata": metadata}


def _subject(text: str) -> dict[str, str]:
    kind, _, name = text.partition(" ")
    if kind == "account":
        namespace, _, account = name.partition("/")
        return {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    return {"kind": kind.capitalize(), "apiGroup": rbac.GROUP, "name": name}
