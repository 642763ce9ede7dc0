"""What one pod asks of a node, parsed once from its spec.

Pure. Quantities become integers (cpu in thousandths, the rest in whole units). Malformed parts raise ValueError or the
API's own StatusError; the pod is then unschedulable for that reason and nobody else is held up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bascule.vocabulary import labels, objects, quantity
from bascule.vocabulary.labels import Requirement
from bascule.vocabulary.objects import Object

CPU, MEMORY, STORAGE, PODS = "cpu", "memory", "ephemeral-storage", "pods"


class Term(NamedTuple):
    """The pods that count: of ``cluster``, in ``namespaces`` or those ``namespace_selector`` finds, by ``selector``."""

    cluster: str
    namespaces: frozenset[str]
    namespace_selector: labels.Selector | None
    selector: labels.Selector


class Affinity(NamedTuple):
    """A term and the node label over which it reaches; ``weight`` 0 if required, negative if the pods repel."""

    term: Term
    topology_key: str
    weight: int = 0


class NodeTerm(NamedTuple):
    """One alternative of a node selector: all label requirements and all name requirements hold."""

    labels: tuple[Requirement, ...]
    fields: tuple[Requirement, ...]
    weight: int = 0


class Spread(NamedTuple):
    term: Term
    topology_key: str
    max_skew: int
    required: bool
    min_domains: int
    honour_affinity: bool
    honour_taints: bool
    matches_itself: bool


class HostPort(NamedTuple):
    protocol: str
    port: int
    address: str


@dataclass(frozen=True, slots=True)
class Demand:
    key: objects.Key
    uid: str
    labels: dict[str, str]
    requests: dict[str, int]
    priority: int = 0
    preempts: bool = True
    """Whether pods of lower priority may have to go for it."""
    node_name: str = ""
    owner: str = ""
    """Uid of the controller; pods that share it are spread even if nobody asked."""
    node_selector: tuple[Requirement, ...] = ()
    node_terms: tuple[NodeTerm, ...] | None = None
    preferred_nodes: tuple[NodeTerm, ...] = ()
    tolerations: tuple[dict[str, Any], ...] = ()
    affinity: tuple[Affinity, ...] = ()
    anti_affinity: tuple[Affinity, ...] = ()
    preferred: tuple[Affinity, ...] = ()
    spread: tuple[Spread, ...] = ()
    host_ports: tuple[HostPort, ...] = ()
    counts: bool = field(default=True)
    """False once the pod is being deleted: it holds its resources but no longer counts for spreading."""


def of(pod: Object) -> Demand:
    """Raises ValueError or StatusError for a spec that cannot be understood."""
    spec = pod.get("spec") or {}
    affinity = spec.get("affinity") or {}
    node_affinity = affinity.get("nodeAffinity") or {}
    own = objects.labels(pod)
    required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    near, far = _pod_terms(pod, affinity.get("podAffinity")), _pod_terms(pod, affinity.get("podAntiAffinity"))
    owner = objects.controller_of(pod)
    return Demand(
        key=objects.key(pod),
        uid=objects.uid(pod),
        labels=own,
        requests=requests_of(spec),
        priority=spec.get("priority") or 0,
        preempts=spec.get("preemptionPolicy") != "Never",
        node_name=spec.get("nodeName") or "",
        owner=(owner or {}).get("uid") or "",
        node_selector=labels.from_map(spec.get("nodeSelector")).requirements,
        node_terms=None if required is None else _node_terms(required.get("nodeSelectorTerms") or ()),
        preferred_nodes=_preferred_nodes(node_affinity),
        tolerations=tuple(spec.get("tolerations") or ()),
        affinity=near[0],
        anti_affinity=far[0],
        preferred=near[1] + tuple(a._replace(weight=-a.weight) for a in far[1]),
        spread=tuple(_spread(pod, c) for c in spec.get("topologySpreadConstraints") or ()),
        host_ports=_host_ports(spec),
        counts=objects.deletion_timestamp(pod) is None,
    )


def _amounts(resources: dict[str, Any] | None) -> dict[str, int]:
    requests = (resources or {}).get("requests") or {}
    return {name: (quantity.to_milli if name == CPU else quantity.to_int)(text) for name, text in requests.items()}


def _added(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    return {name: left.get(name, 0) + right.get(name, 0) for name in left.keys() | right.keys()}


def _greater(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    return {name: max(left.get(name, 0), right.get(name, 0)) for name in left.keys() | right.keys()}


def requests_of(spec: dict[str, Any]) -> dict[str, int]:
    """What the pod holds at its worst moment: all containers, or an init container and the sidecars before it."""
    total: dict[str, int] = {}
    for container in spec.get("containers") or ():
        total = _added(total, _amounts(container.get("resources")))
    sidecars: dict[str, int] = {}
    worst: dict[str, int] = {}
    for container in spec.get("initContainers") or ():
        amounts = _amounts(container.get("resources"))
        if container.get("restartPolicy") == "Always":
            total, sidecars = _added(total, amounts), _added(sidecars, amounts)
            worst = _greater(worst, sidecars)
        else:
            worst = _greater(worst, _added(sidecars, amounts))
    held = _greater(total, worst)
    held = _greater(held, _amounts(spec.get("resources")))
    overhead = {"requests": spec.get("overhead") or {}}
    return _added(held, _amounts(overhead)) | {PODS: 1}


def _node_terms(terms: Any) -> tuple[NodeTerm, ...]:
    return tuple(
        NodeTerm(
            labels.from_requirements(term.get("matchExpressions") or []),
            labels.from_requirements(term.get("matchFields") or []),
        )
        for term in terms
        if term.get("matchExpressions") or term.get("matchFields")
    )


def _preferred_nodes(node_affinity: dict[str, Any]) -> tuple[NodeTerm, ...]:
    result = []
    for item in node_affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
        terms = _node_terms([item.get("preference") or {}])
        result += [term._replace(weight=item.get("weight") or 0) for term in terms]
    return tuple(result)


def _term(pod: Object, selector: labels.Selector, raw: dict[str, Any]) -> Term:
    named = frozenset(raw.get("namespaces") or ())
    by_label = raw.get("namespaceSelector")
    if not named and by_label is None:
        named = frozenset((objects.namespace(pod),))
    wider = None if by_label is None else labels.from_label_selector(by_label)
    return Term(objects.cluster(pod), named, wider, selector)


def _selector(pod: Object, raw: dict[str, Any]) -> labels.Selector:
    """The label selector with the pod's own values for ``matchLabelKeys`` and ``mismatchLabelKeys`` added."""
    selector = labels.from_label_selector(raw.get("labelSelector"))
    own = objects.labels(pod)
    extra = [
        labels.Requirement(key, operator, frozenset((own[key],)))
        for name, operator in (("matchLabelKeys", "in"), ("mismatchLabelKeys", "notin"))
        for key in raw.get(name) or ()
        if key in own
    ]
    return selector._replace(requirements=selector.requirements + tuple(extra)) if extra else selector


def _affinity(pod: Object, raw: dict[str, Any], weight: int) -> Affinity:
    return Affinity(_term(pod, _selector(pod, raw), raw), raw.get("topologyKey") or "", weight)


def _pod_terms(pod: Object, raw: dict[str, Any] | None) -> tuple[tuple[Affinity, ...], tuple[Affinity, ...]]:
    """(required, preferred) of a podAffinity or podAntiAffinity."""
    raw = raw or {}
    required = raw.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
    preferred = raw.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    return (
        tuple(_affinity(pod, term, 0) for term in required),
        tuple(_affinity(pod, item.get("podAffinityTerm") or {}, item.get("weight") or 0) for item in preferred),
    )


def _spread(pod: Object, raw: dict[str, Any]) -> Spread:
    selector = _selector(pod, raw)
    return Spread(
        term=_term(pod, selector, {}),
        topology_key=raw.get("topologyKey") or "",
        max_skew=raw.get("maxSkew") or 1,
        required=(raw.get("whenUnsatisfiable") or "DoNotSchedule") == "DoNotSchedule",
        min_domains=raw.get("minDomains") or 0,
        honour_affinity=(raw.get("nodeAffinityPolicy") or "Honor") == "Honor",
        honour_taints=(raw.get("nodeTaintsPolicy") or "Ignore") == "Honor",
        matches_itself=selector.matches(objects.labels(pod)),
    )


def _host_ports(spec: dict[str, Any]) -> tuple[HostPort, ...]:
    return tuple(
        HostPort(port.get("protocol") or "TCP", port["hostPort"], port.get("hostIP") or "0.0.0.0")
        for container in spec.get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )
