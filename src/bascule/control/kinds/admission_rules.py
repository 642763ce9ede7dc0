"""What admission webhooks and policies match: operations, groups, versions, resources; and their conditions."""

from __future__ import annotations

from typing import Final
from urllib import parse

from bascule.control.kinds import check, identifiers, metadata, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors, names
from bascule.vocabulary.objects import Object

_OPERATIONS: Final = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES: Final = ("*", "Cluster", "Namespaced")
_CONDITIONS_MAX: Final = 64
_FORM: Final = "; desired format: https://host[/path]"
_OTHERS: Final = (
    ("operations", "operations"),
    ("apiGroups", "API groups"),
    ("apiVersions", "API versions"),
)


def default_rules(rules: list[Object]) -> None:
    for rule in rules:
        shape.fill(rule, "scope", "*")


def problems(path: str, rule: Object) -> Causes:
    """One rule with operations; also those of policies, which may name objects."""
    objects = shape.texts(rule, "resourceNames")
    for index, name in enumerate(objects):
        yield from identifiers.segment(f"{path}.resourceNames[{index}]", name)
        if name in objects[:index]:
            yield errors.duplicate(f"{path}.resourceNames[{index}]", name)
    for key, others in _OTHERS:
        values = shape.texts(rule, key)
        if not values:
            yield errors.required(f"{path}.{key}", "")
        elif "*" in values and len(values) > 1:
            yield errors.invalid_value(f"{path}.{key}", values, f"if '*' is present, must not specify other {others}")
        for index, value in enumerate(values):
            if key == "operations" and value not in _OPERATIONS:
                yield errors.not_supported(f"{path}.operations[{index}]", value, _OPERATIONS)
            elif key == "apiVersions" and not value:
                yield errors.required(f"{path}.apiVersions[{index}]", "")
    yield from _resources(f"{path}.resources", shape.texts(rule, "resources"))
    yield from check.one_of(f"{path}.scope", rule.get("scope"), _SCOPES)


def _resources(path: str, resources: list[str]) -> Causes:
    if not resources:
        yield errors.required(path, "")
    everything_of: set[str] = set()
    of_everything: set[str] = set()
    plain = False
    for index, text in enumerate(resources):
        if not text:
            yield errors.required(f"{path}[{index}]", "")
            continue
        resource, slash, part = text.partition("/")
        if not slash:
            plain = text != "*"  # Only the last of them counts, as it does upstream.
            continue
        if resource in everything_of:
            yield errors.invalid_value(
                f"{path}[{index}]", text, f"if '{resource}/*' is present, must not specify {text}"
            )
        if part in of_everything:
            yield errors.invalid_value(f"{path}[{index}]", text, f"if '*/{part}' is present, must not specify {text}")
        if part == "*":
            everything_of.add(resource)
        if resource == "*":
            of_everything.add(part)
    if "*/*" in resources and len(resources) > 1:
        yield errors.invalid_value(path, resources, "if '*/*' is present, must not specify other resources")
    if "*" in resources and plain:
        yield errors.invalid_value(
            path, resources, "if '*' is present, must not specify other resources without subresources"
        )


def selector_problems(path: str, match: Object) -> Causes:
    for key in ("namespaceSelector", "objectSelector"):
        yield from selectors.problems(f"{path}.{key}", match.get(key))


def condition_problems(path: str, conditions: list[Object], *, params: bool = False) -> Causes:
    """`matchConditions`; `params`: whether there are any to speak of."""
    if not conditions:
        return
    from bascule.control.cel import types
    from bascule.control.kinds import admission_expressions

    environment = admission_expressions.environment(params=params, authorizer=True)
    if len(conditions) > _CONDITIONS_MAX:
        yield errors.too_many(path, len(conditions), _CONDITIONS_MAX)
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        at, name = f"{path}[{index}]", shape.text(condition, "name")
        expression = shape.text(condition, "expression").strip()
        if not expression:
            yield errors.required(f"{at}.expression", "")
        else:
            yield from admission_expressions.problems(f"{at}.expression", expression, environment, types.BOOL)
        if not name:
            yield errors.required(f"{at}.name", "")
            continue
        yield from identifiers.qualified(f"{at}.name", name)
        if name in seen:
            yield errors.duplicate(f"{at}.name", name)
        seen.add(name)


def client_problems(path: str, client: Object) -> Causes:
    """Where a webhook is: a URL or a Service."""
    url, service = client.get("url"), client.get("service")
    if (url is None) == (type(service) is not dict):
        yield errors.required(path, "exactly one of url or service is required")
    elif type(url) is str:
        yield from _url(f"{path}.url", url)
    elif type(service) is dict:
        yield from service_problems(f"{path}.service", service)


def _url(path: str, url: str) -> Causes:
    try:
        parts = parse.urlsplit(url)
        host = parts.netloc
    except ValueError as error:
        yield errors.required(path, f"url must be a valid URL: {error}{_FORM}")
        return
    if parts.scheme != "https":
        yield errors.invalid_value(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}")
    user, at, host = host.rpartition("@")
    if not host:
        yield errors.invalid_value(path, host, f"host must be specified{_FORM}")
    if at:
        yield errors.invalid_value(path, user, "user information is not permitted in the URL")
    if parts.fragment:
        yield errors.invalid_value(path, parts.fragment, "fragments are not permitted in the URL")
    if parts.query:
        yield errors.invalid_value(path, parts.query, "query parameters are not permitted in the URL")


def service_problems(path: str, service: Object) -> Causes:
    for key in ("name", "namespace"):
        if not service.get(key):
            yield errors.required(f"{path}.{key}", f"service {key} is required")
    port = shape.integer(service, "port")
    if port is not None and (found := names.port_number_problems(port)):
        yield errors.invalid_value(f"{path}.port", port, f"port is not valid: {', '.join(found)}")
    target = shape.text(service, "path")
    if target in ("", "/"):
        return
    if target == "//":
        yield errors.invalid_value(f"{path}.path", target, "segment[0] may not be empty")
        return
    if not target.startswith("/"):
        yield errors.invalid_value(f"{path}.path", target, "must start with a '/'")
    for index, segment in enumerate(target[1:].removesuffix("/").split("/")):
        if not segment:
            yield errors.invalid_value(f"{path}.path", target, f"segment[{index}] may not be empty")
            continue
        for problem in metadata.subdomain(segment):
            yield errors.invalid_value(f"{path}.path", target, f"segment[{index}]: {problem}")
