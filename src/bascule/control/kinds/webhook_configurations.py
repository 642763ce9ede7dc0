"""MutatingWebhookConfigurations and ValidatingWebhookConfigurations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import admission_rules, check, columns, generic, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column, Default, Strategy
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_VERSIONS = ("v1", "v1beta1")
_SEGMENTS = "should be a domain with at least three segments separated by dots"


def _default_webhook(webhook: Object) -> None:
    shape.fill(webhook, "failurePolicy", "Fail")
    shape.fill(webhook, "matchPolicy", "Equivalent")
    shape.fill(webhook, "timeoutSeconds", 10)
    shape.ensure(webhook, "namespaceSelector")
    shape.ensure(webhook, "objectSelector")
    admission_rules.default_rules(shape.items(webhook, "rules"))
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
    seen: set[str] = set()
    for index, webhook in enumerate(shape.items(obj, "webhooks")):
        at, name = f"webhooks[{index}]", shape.text(webhook, "name")
        yield from _webhook(at, webhook)
        yield from _versions(f"{at}.admissionReviewVersions", shape.texts(webhook, "admissionReviewVersions"))
        if name and name in seen:
            yield errors.duplicate(f"{at}.name", name)
        seen.add(name)


def _webhook(path: str, webhook: Object) -> Causes:
    yield from _name(f"{path}.name", shape.text(webhook, "name"))
    for index, rule in enumerate(shape.items(webhook, "rules")):
        yield from admission_rules.problems(f"{path}.rules[{index}]", rule)
    yield from check.one_of(f"{path}.failurePolicy", webhook.get("failurePolicy"), ("Fail", "Ignore"))
    yield from check.one_of(f"{path}.matchPolicy", webhook.get("matchPolicy"), ("Equivalent", "Exact"))
    effects = webhook.get("sideEffects")
    if effects is None:
        yield errors.required(f"{path}.sideEffects", "must specify one of None, NoneOnDryRun")
    elif effects not in ("None", "NoneOnDryRun"):
        yield errors.not_supported(f"{path}.sideEffects", effects, ("None", "NoneOnDryRun"))
    timeout = shape.integer(webhook, "timeoutSeconds")
    if timeout is not None and not 1 <= timeout <= 30:
        yield errors.invalid_value(
            f"{path}.timeoutSeconds", timeout, "the timeout value must be between 1 and 30 seconds"
        )
    yield from admission_rules.selector_problems(path, webhook)
    yield from check.one_of(f"{path}.reinvocationPolicy", webhook.get("reinvocationPolicy"), ("IfNeeded", "Never"))
    yield from admission_rules.client_problems(f"{path}.clientConfig", shape.mapping(webhook, "clientConfig"))
    yield from admission_rules.condition_problems(f"{path}.matchConditions", shape.items(webhook, "matchConditions"))


def _name(path: str, name: str) -> Causes:
    if not name:
        yield errors.required(path, "")
        return
    found = metadata.subdomain(name)
    if found:
        yield errors.invalid_value(path, name, ",".join(found))
    elif name.count(".") < 2:
        yield errors.invalid_value(path, name, _SEGMENTS)


def _versions(path: str, versions: list[str]) -> Causes:
    if not versions:
        yield errors.required(path, f"must specify one of {', '.join(_VERSIONS)}")
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            yield errors.invalid_value(f"{path}[{index}]", version, "duplicate version")
            continue
        for problem in metadata.dns1035_label(version):
            yield errors.invalid_value(f"{path}[{index}]", version, problem)
    if not any(version in _VERSIONS for version in versions):
        yield errors.invalid_value(path, versions, f"must include at least one of {', '.join(_VERSIONS)}")


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
