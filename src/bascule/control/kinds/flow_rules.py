"""Which requests a FlowSchema is for: who asks, and what for."""

from __future__ import annotations

from typing import Final

from bascule.control.kinds import identifiers, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_SUBJECTS: Final = {"ServiceAccount": "serviceAccount", "User": "user", "Group": "group"}
_VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_NAMESPACE: Final = "each member of this list must be '*' or a DNS-1123 label; "


def problems(path: str, rule: Object) -> Causes:
    subjects = shape.items(rule, "subjects")
    if not subjects:
        yield errors.required(f"{path}.subjects", "subjects must contain at least one value")
    for index, subject in enumerate(subjects):
        yield from _subject(f"{path}.subjects[{index}]", subject)
    if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
        yield errors.required(path, "at least one of resourceRules and nonResourceRules has to be non-empty")
    for index, resources in enumerate(shape.items(rule, "resourceRules")):
        yield from _resources(f"{path}.resourceRules[{index}]", resources)
    for index, paths in enumerate(shape.items(rule, "nonResourceRules")):
        yield from _paths(f"{path}.nonResourceRules[{index}]", paths)


def _subject(path: str, subject: Object) -> Causes:
    kind = shape.text(subject, "kind")
    if kind not in _SUBJECTS:
        yield errors.not_supported(f"{path}.kind", kind, tuple(_SUBJECTS))
        return
    field = _SUBJECTS[kind]
    inner = subject.get(field)
    if type(inner) is not dict:
        yield errors.required(f"{path}.{field}", f"{field} is required when subject kind is '{kind}'")
    elif not inner.get("name"):
        yield errors.required(f"{path}.{field}.name", "")
    elif kind == "ServiceAccount" and inner["name"] != "*":
        yield from identifiers.subdomain(f"{path}.{field}.name", inner["name"])
    if kind == "ServiceAccount" and type(inner) is dict:
        if not inner.get("namespace"):
            yield errors.required(f"{path}.{field}.namespace", "must specify namespace for service account")
        else:
            yield from identifiers.label(f"{path}.{field}.namespace", inner["namespace"])
    for other_kind, other in _SUBJECTS.items():
        if other != field and subject.get(other) is not None:
            yield errors.forbidden_field(
                f"{path}.{other}", f"{other} is forbidden when subject kind is not '{other_kind}'"
            )


def _verbs(path: str, rule: Object) -> Causes:
    verbs = shape.texts(rule, "verbs")
    if not verbs:
        yield errors.required(f"{path}.verbs", "verbs must contain at least one value")
    elif "*" in verbs:
        if len(verbs) > 1:
            yield errors.invalid_value(f"{path}.verbs", verbs, "if '*' is present, must not specify other verbs")
    elif not set(verbs) <= set(_VERBS):
        yield errors.not_supported(f"{path}.verbs", verbs, _VERBS)


def _resources(path: str, rule: Object) -> Causes:
    yield from _verbs(path, rule)
    for key, one, many in (("apiGroups", "api group", "api groups"), ("resources", "resource", "resources")):
        values = shape.texts(rule, key)
        if not values:
            yield errors.required(f"{path}.{key}", f"resource rules must supply at least one {one}")
        elif "*" in values and len(values) > 1:
            yield errors.invalid_value(f"{path}.{key}", values, f"if '*' is present, must not specify other {many}")
    namespaces = shape.texts(rule, "namespaces")
    if not namespaces and rule.get("clusterScope") is not True:
        yield errors.required(
            f"{path}.namespaces", "resource rules that are not cluster scoped must supply at least one namespace"
        )
    elif "*" in namespaces:
        if len(namespaces) > 1:
            yield errors.invalid_value(
                f"{path}.namespaces", namespaces, "if '*' is present, must not specify other namespaces"
            )
    else:
        for index, namespace in enumerate(namespaces):
            for problem in metadata.label(namespace):
                yield errors.invalid_value(f"{path}.namespaces[{index}]", namespace, _NAMESPACE + problem)


def _paths(path: str, rule: Object) -> Causes:
    yield from _verbs(path, rule)
    urls = shape.texts(rule, "nonResourceURLs")
    if not urls:
        yield errors.required(f"{path}.nonResourceURLs", "nonResourceURLs must contain at least one value")
    elif "*" in urls:
        if len(urls) > 1:
            yield errors.invalid_value(
                f"{path}.nonResourceURLs", urls, "if '*' is present, must not specify other non-resource URLs"
            )
    else:
        for index, url in enumerate(urls):
            problem = _path_problem(url)
            if problem:
                yield errors.invalid_value(f"{path}.nonResourceURLs[{index}]", url, problem)


def _path_problem(url: str) -> str:
    if not url:
        return "must not be empty"
    if not url.startswith("/"):
        return "must start with slash"
    if " " in url:
        return "must not contain white-space"
    if "//" in url:
        return "must not contain double slash"
    if url.count("*") > 1 or ("*" in url and not url.endswith("/*")):
        return "wildcard can only do suffix matching"
    return ""
