"""What an object costs against quotas: amounts by quota resource name, and whether a quota's scopes include it.

Pure, and shared with whoever publishes `status.used`.
"""

import functools
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bascule.vocabulary import objects, quantity

Usage = dict[str, int]
"""Amounts in billionths: exact, because no quantity is finer, and far cheaper to add than fractions."""

BILLION: Final = 10**9
_NAMED: Final = frozenset(
    {
        "configmaps",
        "persistentvolumeclaims",
        "pods",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "services",
    }
)
_COMPUTE: Final = ("cpu", "memory", "ephemeral-storage")
_WHOLE: Final = ("cpu", "memory")


@functools.lru_cache(maxsize=8192)
def amount(text: str) -> int:
    """A quantity in billionths. The same few texts are parsed again and again."""
    return int(quantity.parse(text) * BILLION)


def readable(amounts: Mapping[str, Any]) -> Usage:
    """The amounts that can be read; a damaged object of the past must not stop its whole namespace."""
    read: Usage = {}
    for name, text in amounts.items():
        try:
            read[name] = amount(text)
        except (quantity.QuantityError, TypeError):
            continue
    return read


def of(group: str, plural: str, obj: objects.Object) -> Usage:
    """Pods that have ended cost nothing but their place in `count/pods`."""
    used: Usage = {f"count/{plural}.{group}" if group else f"count/{plural}": BILLION}
    if group:
        return used
    if plural == "pods":
        if (obj.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            used |= _pod(obj)
        return used
    if plural in _NAMED:
        used[plural] = BILLION
    if plural == "persistentvolumeclaims":
        used |= _claim(obj)
    elif plural == "services":
        used |= _service(obj)
    return used


def _pod(pod: objects.Object) -> Usage:
    used: Usage = {"pods": BILLION}
    requests, limits = pod_totals(pod, "requests"), pod_totals(pod, "limits")
    for resource, asked in requests.items():
        used[f"requests.{resource}"] = asked
        if resource in _COMPUTE or resource.startswith("hugepages-"):
            used[resource] = asked
    for resource, bound in limits.items():
        used[f"limits.{resource}"] = bound
    return used


def pod_totals(pod: objects.Object, field: str) -> Usage:
    """`requests` or `limits` of a pod as the scheduler counts them: sidecars add up, other init containers peak.

    What the pod states as a whole stands for what its containers do.
    """
    spec = pod.get("spec") or {}
    running = _sum(spec.get("containers") or (), field)
    peak: Usage = {}
    sidecars: Usage = {}
    for container in spec.get("initContainers") or ():
        amounts = _sum([container], field)
        if container.get("restartPolicy") == "Always":
            sidecars = _plus(sidecars, amounts)
            peak = _most(peak, sidecars)
        else:
            peak = _most(peak, _plus(sidecars, amounts))
    total = _most(_plus(running, sidecars), peak) | _of_the_whole(spec, field)
    overhead = readable(spec.get("overhead") or {})
    if overhead and (field == "requests" or total):
        keys = overhead if field == "requests" else {key: overhead[key] for key in overhead if key in total}
        total = _plus(total, keys)
    return total


def _of_the_whole(spec: Mapping[str, Any], field: str) -> Usage:
    """What `spec.resources` states, of those resources that a pod may state as a whole."""
    stated = (spec.get("resources") or {}).get(field)
    if not stated:
        return {}
    return {name: size for name, size in readable(stated).items() if name in _WHOLE or name.startswith("hugepages-")}


def _sum(containers: Iterable[Mapping[str, Any]], field: str) -> Usage:
    total: Usage = {}
    for container in containers:
        resources = container.get("resources")
        if not resources:
            continue
        amounts = dict(resources.get(field) or {})
        if field == "requests":
            amounts = {**(resources.get("limits") or {}), **amounts}
        for key, size in readable(amounts).items():
            total[key] = total[key] + size if key in total else size
    return total


def _plus(left: Usage, right: Mapping[str, int]) -> Usage:
    if not left or not right:
        return dict(left or right)
    return {key: left.get(key, 0) + right.get(key, 0) for key in left.keys() | right.keys()}


def _most(left: Usage, right: Usage) -> Usage:
    if not left or not right:
        return dict(left or right)
    return {key: max(left.get(key, 0), right.get(key, 0)) for key in left.keys() | right.keys()}


def _claim(claim: objects.Object) -> Usage:
    spec = claim.get("spec") or {}
    size = readable((spec.get("resources") or {}).get("requests") or {}).get("storage", 0)
    used: Usage = {"requests.storage": size}
    if spec.get("storageClassName"):
        suffix = f"{spec['storageClassName']}.storageclass.storage.k8s.io"
        used |= {f"{suffix}/requests.storage": size, f"{suffix}/persistentvolumeclaims": BILLION}
    return used


def _service(service: objects.Object) -> Usage:
    spec = service.get("spec") or {}
    ports = len(spec.get("ports") or ()) * BILLION
    if spec.get("type") == "NodePort":
        return {"services.nodeports": ports}
    if spec.get("type") == "LoadBalancer":
        allocated = spec.get("allocateLoadBalancerNodePorts") is not False
        return {"services.loadbalancers": BILLION, "services.nodeports": ports if allocated else 0}
    return {}


def in_scope(quota: objects.Object, group: str, plural: str, obj: objects.Object) -> bool:
    """Scopes speak of pods, but for one that is about claims."""
    spec = quota.get("spec") or {}
    terms = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    terms += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    if not terms:
        return True
    if group or plural not in ("pods", "persistentvolumeclaims"):
        return False
    return all(_matches(term, plural, obj) for term in terms)


def _matches(term: Mapping[str, Any], plural: str, obj: objects.Object) -> bool:
    if plural != "pods":
        return term.get("scopeName") == "VolumeAttributesClass" and _of_attributes_class(term, obj)
    return _matches_pod(term, obj)


def _of_attributes_class(term: Mapping[str, Any], claim: objects.Object) -> bool:
    """A claim counts for the class that it wants, that it has, and that it is on the way to."""
    spec, status = claim.get("spec") or {}, claim.get("status") or {}
    target = (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName")
    named = {spec.get("volumeAttributesClassName"), status.get("currentVolumeAttributesClassName"), target}
    return any(_selected(term, str(name)) for name in (named - {None, ""} or {""}))


def _matches_pod(term: Mapping[str, Any], pod: objects.Object) -> bool:
    spec = pod.get("spec") or {}
    match term.get("scopeName"):
        case "Terminating":
            return spec.get("activeDeadlineSeconds") is not None
        case "NotTerminating":
            return spec.get("activeDeadlineSeconds") is None
        case "BestEffort":
            return not pod_totals(pod, "requests") and not pod_totals(pod, "limits")
        case "NotBestEffort":
            return bool(pod_totals(pod, "requests") or pod_totals(pod, "limits"))
        case "CrossNamespacePodAffinity":
            return _across_namespaces(spec)
        case "PriorityClass":
            return _selected(term, spec.get("priorityClassName") or "")
    return False


def _selected(term: Mapping[str, Any], value: str) -> bool:
    values = term.get("values") or ()
    match term.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return bool(value)
        case "DoesNotExist":
            return not value
    return False


def _across_namespaces(spec: Mapping[str, Any]) -> bool:
    affinity = spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        terms = list(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        weighted = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [term.get("podAffinityTerm") or {} for term in weighted]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False


def missing(hard: Iterable[str], pod: objects.Object) -> list[tuple[str, list[str]]]:
    """(quota resource, containers that do not state it): a quota on requests or limits makes them compulsory.

    Of a pod that states anything as a whole nothing is demanded.
    """
    spec = pod.get("spec") or {}
    if _of_the_whole(spec, "requests") or _of_the_whole(spec, "limits"):
        return []
    found = []
    for name in sorted(hard):
        field, _, resource = name.rpartition(".")
        if name in _COMPUTE:
            field, resource = "requests", name
        if field not in ("requests", "limits") or resource not in ("cpu", "memory"):
            continue
        lacking = [
            str(container.get("name"))
            for kind in ("containers", "initContainers")
            for container in spec.get(kind) or ()
            if resource not in _sum([container], field)
        ]
        if lacking:
            found.append((name, lacking))
    return found


def text(resource: str, used: int) -> str:
    """The amount as a quantity, in the family its resource is usually written in."""
    whole, rest = divmod(used, BILLION)
    if not rest and any(word in resource for word in ("memory", "storage", "hugepages")):
        return quantity.format_bytes(whole)
    return quantity.format_milli(-(-used // 1_000_000))
