"""Pod Security Standards by the namespace's labels: enforce refuses, warn warns, audit is written down.

Workloads with pod templates are warned about and audited, never refused: their pods are.
"""

from collections.abc import Iterator
from typing import Any, Final

from bascule.control.access.admission import context, pod_standards, request
from bascule.vocabulary import errors, objects

PREFIX: Final = "pod-security.kubernetes.io/"
LEVELS: Final = ("privileged", "baseline", "restricted")
TEMPLATES: Final = frozenset(
    {
        "deployments",
        "replicasets",
        "statefulsets",
        "daemonsets",
        "jobs",
        "cronjobs",
        "replicationcontrollers",
        "podtemplates",
    }
)


def validate(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object | None) -> None:
    if obj is None or asked.operation not in ("CREATE", "UPDATE"):
        return
    if asked.subresource not in ("", "ephemeralcontainers", "resize"):
        return
    namespace = held.namespace(asked)
    labels = objects.labels(namespace) if namespace else {}
    if not labels or not any(key.startswith(PREFIX) for key in labels):
        return
    if asked.resource.plural == "pods":
        if asked.operation == "UPDATE" and not _significant(asked.old or {}, obj):
            return
        _check_pod(asked, obj, labels)
    else:
        template = _template(obj, asked.resource.plural)
        if template is not None:
            _report(asked, template, labels)


def _check_pod(asked: request.AdmissionRequest, pod: objects.Object, labels: dict[str, str]) -> None:
    level, version = policy(labels, "enforce")
    violations = pod_standards.violations(pod, level)
    asked.audit["pod-security.kubernetes.io/enforce-policy"] = f"{level}:{version}"
    if violations:
        raise context.forbid(asked, f'violates PodSecurity "{level}:{version}": {", ".join(violations)}')
    _report(asked, pod, labels)


def _report(asked: request.AdmissionRequest, pod: objects.Object, labels: dict[str, str]) -> None:
    for mode in ("warn", "audit"):
        level, version = policy(labels, mode)
        violations = pod_standards.violations(pod, level)
        if not violations:
            continue
        text = f'would violate PodSecurity "{level}:{version}": {", ".join(violations)}'
        if mode == "warn":
            asked.warn(text)
        else:
            asked.audit["pod-security.kubernetes.io/audit-violations"] = text


def policy(labels: dict[str, str], mode: str) -> tuple[str, str]:
    """(level, version) in force for a mode; an unreadable level is the strictest, as upstream fails safe."""
    level = labels.get(PREFIX + mode, "privileged")
    if level not in LEVELS:
        level = "restricted"
    return level, labels.get(f"{PREFIX}{mode}-version", "latest")


def validate_namespace(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object | None) -> None:
    """Labels must be readable; a stricter level warns about pods that are already there."""
    if obj is None or asked.subresource or asked.operation not in ("CREATE", "UPDATE"):
        return
    labels, before = objects.labels(obj), objects.labels(asked.old or {})
    causes = []
    for mode in ("enforce", "audit", "warn"):
        key = PREFIX + mode
        level = labels.get(key, "privileged")
        if level not in LEVELS and before.get(key) != level:
            text = f"must be one of {', '.join(LEVELS)}"
            causes.append(errors.invalid_value(f"metadata.labels[{key}]", level, text))
    if causes:
        raise errors.invalid("Namespace", "", objects.name(obj), causes)
    level, version = policy(labels, "enforce")
    if asked.operation == "UPDATE" and policy(before, "enforce") != (level, version) and level != "privileged":
        _warn_existing(held, asked, level, version)


def _warn_existing(held: context.Context, asked: request.AdmissionRequest, level: str, version: str) -> None:
    name = asked.name
    found: dict[str, list[str]] = {}
    for pod in list(held.source.list("", "pods", asked.cluster, name))[:3000]:
        violations = ", ".join(text.partition(" (")[0] for text in pod_standards.violations(pod, level))
        if violations:
            found.setdefault(violations, []).append(objects.name(pod))
    if found:
        asked.warn(f'existing pods in namespace "{name}" violate the new PodSecurity enforce level "{level}:{version}"')
    for violations, pods in sorted(found.items()):
        rest = f" (and {len(pods) - 1} other pods)" if len(pods) > 2 else " (and 1 other pod)" if len(pods) == 2 else ""
        asked.warn(f"{sorted(pods)[0]}{rest}: {violations}")


def _template(obj: objects.Object, plural: str) -> objects.Object | None:
    if plural == "podtemplates":
        found: Any = obj.get("template")
    elif plural == "cronjobs":
        job = ((obj.get("spec") or {}).get("jobTemplate") or {}).get("spec") or {}
        found = job.get("template")
    else:
        found = (obj.get("spec") or {}).get("template")
    return found if isinstance(found, dict) else None


def _significant(old: objects.Object, new: objects.Object) -> bool:
    """Whether an update touches what the standards look at: everything of the spec but images and tolerations."""
    return _compared(old) != _compared(new)


def _compared(pod: objects.Object) -> list[Any]:
    spec = pod.get("spec") or {}
    ignored = ("tolerations", "activeDeadlineSeconds", "terminationGracePeriodSeconds", "nodeName", *_CONTAINERS)
    kept = {key: value for key, value in spec.items() if key not in ignored}
    notes = {key: text for key, text in objects.annotations(pod).items() if "apparmor" in key or "seccomp" in key}
    return [kept, notes, list(_without_images(spec))]


_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")


def _without_images(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for field in _CONTAINERS:
        for container in spec.get(field) or ():
            yield {key: value for key, value in container.items() if key not in ("image", "resources")}
