"""Pod Security Standards by the namespace's labels: enforce refuses, warn warns, audit is written down.

Workloads with pod templates are warned about and audited, never refused: their pods are.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bascule.control.access.admission import context, pod_standards, request
from bascule.vocabulary import errors, objects

PREFIX: Final = "pod-security.kubernetes.io/"
LEVELS: Final = ("privileged", "baseline", "restricted")
LATEST: Final = "latest"
_VERSION: Final = re.compile(r"v1\.(0|[1-9][0-9]{0,5})")
_CHECKED_MAX: Final = 3000


def validate(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object | None) -> None:
    if obj is None or asked.operation not in ("CREATE", "UPDATE"):
        return
    if asked.subresource not in ("", "ephemeralcontainers", "resize"):
        return
    namespace = held.namespace(asked)
    labels = objects.labels(namespace) if namespace else {}
    for key in labels:
        if key.startswith(PREFIX):
            break
    else:
        return
    if asked.resource.plural == "pods":
        if asked.operation == "UPDATE" and not _significant(asked.old or {}, obj):
            return
        _check_pod(asked, obj, labels)
    else:
        template = _template(obj, asked.resource.plural)
        if template is not None:
            _report(asked, template, labels)


def _check_pod(asked: request.AdmissionRequest, pod: objects.Object, labels: Mapping[str, str]) -> None:
    level, version = policy(labels, "enforce")
    violations = _violations(pod, level, version)
    asked.audit[f"{PREFIX}enforce-policy"] = f"{level}:{version}"
    if violations:
        _audit(asked, pod, labels)
        raise context.forbid(asked, f'violates PodSecurity "{level}:{version}": {", ".join(violations)}')
    _report(asked, pod, labels)


def _report(asked: request.AdmissionRequest, pod: objects.Object, labels: Mapping[str, str]) -> None:
    text = _would_violate(pod, *policy(labels, "warn"))
    if text:
        asked.warn(text)
    _audit(asked, pod, labels)


def _audit(asked: request.AdmissionRequest, pod: objects.Object, labels: Mapping[str, str]) -> None:
    problems = label_causes(labels)
    if problems:
        asked.audit[f"{PREFIX}error"] = "Failed to parse policy: " + "; ".join(c.message for c in problems)
    text = _would_violate(pod, *policy(labels, "audit"))
    if text:
        asked.audit[f"{PREFIX}audit-violations"] = text


def _would_violate(pod: objects.Object, level: str, version: str) -> str:
    violations = _violations(pod, level, version)
    return f'would violate PodSecurity "{level}:{version}": {", ".join(violations)}' if violations else ""


def _violations(pod: objects.Object, level: str, version: str) -> list[str]:
    minor = pod_standards.LATEST if version == LATEST else int(version[len("v1.") :])
    return pod_standards.violations(pod, level, minor)


def policy(labels: Mapping[str, str], mode: str) -> tuple[str, str]:
    """(level, version) in force for a mode.

    What is unreadable is the strictest, as upstream fails safe. Where nothing says of what to warn, people are warned
    of what would be refused.
    """
    if mode == "warn" and PREFIX + mode not in labels:
        enforced = labels.get(f"{PREFIX}enforce")
        if enforced in LEVELS and enforced != LEVELS[0]:
            return policy(labels, "enforce")
    level = labels.get(PREFIX + mode, LEVELS[0])
    if level not in LEVELS:
        return LEVELS[-1], LATEST
    version = labels.get(f"{PREFIX}{mode}-version", LATEST)
    return level, version if _is_version(version) else LATEST


def _is_version(text: str) -> bool:
    return text == LATEST or _VERSION.fullmatch(text) is not None


def label_causes(labels: Mapping[str, str]) -> list[errors.Cause]:
    """What is wrong with a namespace's labels."""
    causes = []
    for mode in ("enforce", "audit", "warn"):
        key = PREFIX + mode
        if labels.get(key, LEVELS[0]) not in LEVELS:
            text = f"must be one of {', '.join(LEVELS)}"
            causes.append(errors.invalid_value(f"metadata.labels[{key}]", labels[key], text))
        version = f"{key}-version"
        if not _is_version(labels.get(version, LATEST)):
            text = 'must be "latest" or "v1.x"'
            causes.append(errors.invalid_value(f"metadata.labels[{version}]", labels[version], text))
    return causes


def validate_namespace(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object | None) -> None:
    """Labels must be readable; a stricter level warns about pods that are already there."""
    if obj is None or asked.subresource or asked.operation not in ("CREATE", "UPDATE"):
        return
    labels, before = objects.labels(obj), objects.labels(asked.old or {})
    causes = label_causes(labels)
    if causes and (asked.operation == "CREATE" or causes != label_causes(before)):
        raise errors.invalid("Namespace", "", objects.name(obj), causes)
    if asked.operation == "CREATE":
        return
    (level, version), (old_level, old_version) = policy(labels, "enforce"), policy(before, "enforce")
    relaxed = version == old_version and LEVELS.index(level) <= LEVELS.index(old_level)
    if level != LEVELS[0] and not relaxed:
        _warn_existing(held, asked, level, version)


def _warn_existing(held: context.Context, asked: request.AdmissionRequest, level: str, version: str) -> None:
    name = asked.name
    found: dict[str, list[str]] = {}
    pods = held.source.list("", "pods", asked.cluster, name)
    for pod in pods[:_CHECKED_MAX]:
        violations = ", ".join(text.partition(" (")[0] for text in _violations(pod, level, version))
        if violations:
            found.setdefault(violations, []).append(objects.name(pod))
    if len(pods) > _CHECKED_MAX:
        counted = f"the first {_CHECKED_MAX} of {len(pods)} existing pods"
        asked.warn(f"new PodSecurity enforce level only checked against {counted}")
    if found:
        asked.warn(f'existing pods in namespace "{name}" violate the new PodSecurity enforce level "{level}:{version}"')
    lines = []
    for violations, named in found.items():
        others = len(named) - 1
        rest = f" (and {others} other pod{'s' if others > 1 else ''})" if others else ""
        lines.append(f"{min(named)}{rest}: {violations}")
    for line in sorted(lines):
        asked.warn(line)


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
    """Whether an update touches what the standards look at: labels, tolerations and the like are no part of it."""
    return _compared(old) != _compared(new)


def _compared(pod: objects.Object) -> list[Any]:
    spec = pod.get("spec") or {}
    ignored = ("tolerations", "activeDeadlineSeconds", "terminationGracePeriodSeconds", "nodeName", *_CONTAINERS)
    kept = {key: value for key, value in spec.items() if key not in ignored}
    notes = {key: text for key, text in objects.annotations(pod).items() if "apparmor" in key or "seccomp" in key}
    return [kept, notes, list(_without_resources(spec))]


_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")


def _without_resources(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for field in _CONTAINERS:
        for container in spec.get(field) or ():
            yield {key: value for key, value in container.items() if key != "resources"}
