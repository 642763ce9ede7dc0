"""MutatingWebhookConfigurations and ValidatingWebhookConfigurations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, metadata, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column, Default, Strategy
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_VERSIONS = ("v1", "v1beta1")
_SEGMENTS = "should be a domain with at least three segments separated by dots"


def default_rules(rules: list[Object]) -> None:
    """Also those of admission policies."""
    for rule in rules:
        shape.fill(rule, "scope", "*")


def _default_webhook(webhook: Object) -> None:
    shape.fill(webhook, "failurePolicy", "Fail")
    shape.fill(webhook, "matchPolicy", "Equivalent")
    shape.fill(webhook, "timeoutSeconds", 10)
    shape.ensure(webhook, "namespaceSelector")
    shape.ensure(webhook, "objectSelector")
    default_rules(shape.items(webhook, "rules"))
    service = shape.mapping(webhook, "clientConfig").get("service")
    if type(service) is dict:
        shape.fill(service, "port", 443)


def _default_validating(obj: Object) -> None:
    for webhook in shape.items(obj, "webhooks"):
        _default_webhook(webhook)


def _default_mutating(obj: Object) -> None:
    for webhook in shape.items(obj, "webhooks"):
        _default_webhook(webhook)
        shape.fill(webhook, "reinvocationPolicy", "Never")


def _rules(obj: Object) -> Causes:
    webhooks = shape.items(obj, "webhooks")
    yield from check.unique("webhooks", [webhook.get("name") for webhook in webhooks], "name")
    for index, webhook in enumerate(webhooks):
        yield from _webhook(f"webhooks[{index}]", webhook)


def _webhook(path: str, webhook: Object) -> Causes:
    name = shape.text(webhook, "name")
    if not name:
        yield errors.required(f"{path}.name", "")
    elif name.count(".") < 2:
        yield errors.invalid_value(f"{path}.name", name, _SEGMENTS)
    else:
        for problem in metadata.subdomain(name):
            yield errors.invalid_value(f"{path}.name", name, problem)
    yield from _client(f"{path}.clientConfig", shape.mapping(webhook, "clientConfig"))
    for index, rule in enumerate(shape.items(webhook, "rules")):
        yield from rule_problems(f"{path}.rules[{index}]", rule)
    effects = webhook.get("sideEffects")
    if effects is None:
        yield errors.required(f"{path}.sideEffects", "must specify one of None, NoneOnDryRun")
    yield from check.one_of(f"{path}.sideEffects", effects, ("None", "NoneOnDryRun"))
    versions = shape.texts(webhook, "admissionReviewVersions")
    if not versions:
        yield errors.required(f"{path}.admissionReviewVersions", f"must specify one of {', '.join(_VERSIONS)}")
    elif not any(version in _VERSIONS for version in versions):
        yield errors.invalid_value(
            f"{path}.admissionReviewVersions",
            versions,
            f"must include at least one of {', '.join(_VERSIONS)}",
        )
    timeout = webhook.get("timeoutSeconds")
    if type(timeout) is int and not 1 <= timeout <= 30:
        yield errors.invalid_value(
            f"{path}.timeoutSeconds", timeout, "the timeout value must be between 1 and 30 seconds"
        )
    yield from check.one_of(f"{path}.failurePolicy", webhook.get("failurePolicy"), ("Fail", "Ignore"))
    yield from check.one_of(f"{path}.matchPolicy", webhook.get("matchPolicy"), ("Equivalent", "Exact"))
    yield from check.one_of(f"{path}.reinvocationPolicy", webhook.get("reinvocationPolicy"), ("IfNeeded", "Never"))
    yield from selectors.problems(f"{path}.namespaceSelector", webhook.get("namespaceSelector"))
    yield from selectors.problems(f"{path}.objectSelector", webhook.get("objectSelector"))


def _client(path: str, client: Object) -> Causes:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (type(service) is not dict):
        yield errors.required(path, "exactly one of url or service is required")
        return
    if type(url) is str and not url.startswith("https://"):
        yield errors.invalid_value(f"{path}.url", url, "'https' is the only allowed URL scheme")
    if type(service) is dict:
        yield from check.required(f"{path}.service.name", service.get("name"))
        yield from check.required(f"{path}.service.namespace", service.get("namespace"))
        yield from check.port(f"{path}.service.port", service.get("port"))


def rule_problems(path: str, rule: Object) -> Causes:
    """What a rule matches; also those of admission policies."""
    for key in ("apiGroups", "apiVersions", "operations", "resources"):
        values = shape.texts(rule, key)
        if not values:
            yield errors.required(f"{path}.{key}", "")
        elif "*" in values and len(values) > 1 and key != "resources":
            yield errors.invalid_value(f"{path}.{key}", values, "if '*' is present, must not specify other values")
    for index, operation in enumerate(shape.texts(rule, "operations")):
        yield from check.one_of(f"{path}.operations[{index}]", operation, _OPERATIONS)
    yield from check.one_of(f"{path}.scope", rule.get("scope"), ("*", "Cluster", "Namespaced"))


def _cells(obj: Object, now: datetime) -> list[Any]:
    return [columns.name(obj), len(shape.items(obj, "webhooks")), columns.age(obj, now)]


def _configuration(default: Default) -> Strategy:
    return generic.make(
        default=default,
        rules=_rules,
        columns=(columns.NAME, Column("Webhooks", "integer", description="How many there are."), columns.AGE),
        cells=_cells,
        generation=True,
        unconditional_update=False,
    )


MUTATING = _configuration(_default_mutating)
VALIDATING = _configuration(_default_validating)
