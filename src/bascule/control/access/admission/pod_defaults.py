"""Small completions of pods: priority, tolerations for broken nodes, the runtime class."""

from typing import Any, Final

from bascule.control.access.admission import context, request
from bascule.vocabulary import objects

NOT_READY: Final = "node.kubernetes.io/not-ready"
UNREACHABLE: Final = "node.kubernetes.io/unreachable"
TOLERATION_SECONDS: Final = 300


def priority(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object) -> None:
    """`spec.priority` and `preemptionPolicy` follow from the PriorityClass, the named one or the default.

    An update that says nothing of them leaves them as they are.
    """
    if asked.subresource:
        return
    spec = context.spec_of(obj)
    if asked.operation == "UPDATE":
        before = (asked.old or {}).get("spec") or {}
        for field in ("priority", "preemptionPolicy"):
            if spec.get(field) is None and before.get(field) is not None:
                spec[field] = before[field]
    if asked.operation != "CREATE":
        return
    name = spec.get("priorityClassName") or ""
    if name:
        found = held.source.get("scheduling.k8s.io", "priorityclasses", asked.cluster, "", name)
        if found is None:
            raise context.forbid(asked, f"no PriorityClass with name {name} was found")
    else:
        found = _default_class(held, asked.cluster)
        if found is not None:
            spec["priorityClassName"] = objects.name(found)
    value = (found or {}).get("value") or 0
    policy = (found or {}).get("preemptionPolicy") or "PreemptLowerPriority"
    for field, computed in (("priority", value), ("preemptionPolicy", policy)):
        given = spec.get(field)
        if given is not None and given != computed:
            shown = "the integer value of priority" if field == "priority" else "the string value of PreemptionPolicy"
            text = f"{shown} ({given}) must not be provided in pod spec; priority admission controller computed "
            raise context.forbid(asked, f"{text}{computed} from the given PriorityClass name")
        spec[field] = computed


def _default_class(held: context.Context, cluster: str) -> objects.Object | None:
    classes = held.listed("scheduling.k8s.io", "priorityclasses", cluster, None)
    if not classes:
        return None
    return min((c for c in classes if c.get("globalDefault")), key=lambda c: int(c.get("value") or 0), default=None)


def priority_class(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object | None) -> None:
    """At most one PriorityClass is the default."""
    if obj is None or not obj.get("globalDefault"):
        return
    for other in held.listed("scheduling.k8s.io", "priorityclasses", asked.cluster, None):
        if other.get("globalDefault") and objects.name(other) != objects.name(obj):
            text = f"PriorityClass {objects.name(other)} is already marked as default. Only one default can exist"
            raise context.forbid(asked, text)


def tolerations(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object) -> None:
    """A pod stays five minutes on a node that is not ready or not heard from, unless it says otherwise."""
    if asked.subresource or asked.operation not in ("CREATE", "UPDATE"):
        return
    spec = context.spec_of(obj)
    given = spec.get("tolerations") or []
    added = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATION_SECONDS}
        for key in (NOT_READY, UNREACHABLE)
        if not given
        or not any(t.get("key") in (None, "", key) and t.get("effect") in (None, "", "NoExecute") for t in given)
    ]
    if added:
        spec["tolerations"] = [*given, *added]


def runtime_class(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object) -> bool:
    """Overhead, node selector and tolerations come from the RuntimeClass, as they are written there."""
    spec = obj.get("spec") or {}
    name = spec.get("runtimeClassName")
    if asked.subresource or asked.operation != "CREATE" or not name:
        return False
    found = held.source.get("node.k8s.io", "runtimeclasses", asked.cluster, "", name)
    if found is None:
        text = f'pod rejected: RuntimeClass "{name}" not found'
        raise context.forbid(asked, text)
    overhead = (found.get("overhead") or {}).get("podFixed")
    if overhead and spec.get("overhead") and spec["overhead"] != overhead:
        raise context.forbid(asked, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    if overhead:
        spec["overhead"] = dict(overhead)
    scheduling: dict[str, Any] = found.get("scheduling") or {}
    selector = scheduling.get("nodeSelector") or {}
    given = spec.get("nodeSelector") or {}
    conflicting = [key for key in selector if key in given and given[key] != selector[key]]
    if conflicting:
        text = f"conflict: runtimeClass.scheduling.nodeSelector[{conflicting[0]}] and pod.spec.nodeSelector differ"
        raise context.forbid(asked, text)
    if selector:
        spec["nodeSelector"] = {**given, **selector}
    extra = [t for t in scheduling.get("tolerations") or () if t not in (spec.get("tolerations") or ())]
    if extra:
        spec["tolerations"] = [*(spec.get("tolerations") or ()), *extra]
    return True


def overhead(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object | None) -> None:
    """Overhead is the RuntimeClass's word: a pod may not have its own."""
    spec = (obj or {}).get("spec") or {}
    if asked.subresource or asked.operation != "CREATE" or not spec.get("overhead"):
        return
    name = spec.get("runtimeClassName")
    found = held.source.get("node.k8s.io", "runtimeclasses", asked.cluster, "", name) if name else None
    if found is None or not found.get("overhead"):
        text = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
        raise context.forbid(asked, text)


def taint_new_node(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object) -> None:
    """A new Node takes no pods until the node lifecycle controller has seen it ready."""
    if asked.operation != "CREATE" or asked.subresource:
        return
    spec = context.spec_of(obj)
    taints = spec.get("taints") or []
    if not any(t.get("key") == NOT_READY and t.get("effect") == "NoSchedule" for t in taints):
        spec["taints"] = [*taints, {"key": NOT_READY, "effect": "NoSchedule"}]
