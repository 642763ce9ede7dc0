"""Rules as real projects write them: routes and gateways, in the shapes and words of the Gateway API."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.control.custom import rules, structural

NAME = {"type": "string", "minLength": 1, "maxLength": 253}
HOSTNAME = r"""self.matches('^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')"""
BACKEND = {
    "type": "object",
    "properties": {
        "group": {"type": "string", "default": "", "maxLength": 253},
        "kind": {"type": "string", "default": "Service", "maxLength": 63},
        "name": NAME,
        "port": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 65535},
    },
    "required": ["name"],
    "x-kubernetes-validations": [
        {
            "message": "Must have port for Service reference",
            "rule": "(size(self.group) == 0 && self.kind == 'Service') ? has(self.port) : true",
        }
    ],
}
FILTER = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": ["RequestHeaderModifier", "RequestRedirect"]},
        "requestHeaderModifier": {
            "type": "object",
            "properties": {"remove": {"type": "array", "items": NAME, "maxItems": 16}},
        },
        "requestRedirect": {"type": "object", "properties": {"hostname": NAME}},
    },
    "x-kubernetes-validations": [
        {
            "message": "filter.requestRedirect must be nil if the filter.type is not RequestRedirect",
            "rule": "!(has(self.requestRedirect) && self.type != 'RequestRedirect')",
        },
        {
            "message": "filter.requestRedirect must be specified for RequestRedirect filter.type",
            "rule": "!(!has(self.requestRedirect) && self.type == 'RequestRedirect')",
        },
    ],
}
RULE = {
    "type": "object",
    "properties": {
        "name": NAME,
        "backendRefs": {"type": "array", "items": BACKEND, "maxItems": 16},
        "filters": {
            "type": "array",
            "items": FILTER,
            "maxItems": 16,
            "x-kubernetes-validations": [
                {
                    "message": "RequestRedirect filter cannot be repeated",
                    "rule": "self.filter(f, f.type == 'RequestRedirect').size() <= 1",
                }
            ],
        },
    },
}
PARENT = {
    "type": "object",
    "properties": {"name": NAME, "sectionName": NAME, "port": {"type": "integer"}},
    "required": ["name"],
}
SPEC = {
    "type": "object",
    "properties": {
        "parentRefs": {
            "type": "array",
            "items": PARENT,
            "maxItems": 32,
            "x-kubernetes-validations": [
                {
                    "message": "sectionName or port must be unique when parentRefs includes 2 or more references",
                    "rule": "self.all(p1, self.exists_one(p2, p1.name == p2.name && ((!has(p1.sectionName) && "
                    "!has(p2.sectionName)) || (has(p1.sectionName) && has(p2.sectionName) && "
                    "p1.sectionName == p2.sectionName))))",
                }
            ],
        },
        "hostnames": {
            "type": "array",
            "items": NAME | {"x-kubernetes-validations": [{"rule": HOSTNAME, "message": "no hostname"}]},
            "maxItems": 16,
        },
        "rules": {
            "type": "array",
            "items": RULE,
            "maxItems": 16,
            "x-kubernetes-validations": [
                {
                    "message": "Rule name must be unique within the route",
                    "rule": "self.all(l1, !has(l1.name) || self.exists_one(l2, has(l2.name) && l1.name == l2.name))",
                }
            ],
        },
    },
}
ROUTE = structural.parse({"type": "object", "properties": {"spec": SPEC}})
GOOD: dict[str, Any] = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "web"},
    "spec": {
        "parentRefs": [{"name": "one"}, {"name": "two", "sectionName": "a"}, {"name": "two", "sectionName": "b"}],
        "hostnames": ["example.com", "*.example.com"],
        "rules": [
            {
                "name": "first",
                "backendRefs": [{"group": "", "kind": "Service", "name": "web", "port": 80}],
                "filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": "other.example"}}],
            }
        ],
    },
}
REDIRECT = {"type": "RequestRedirect", "requestRedirect": {"hostname": "h"}}


def compiled() -> rules.Rules:
    found = rules.compile(ROUTE)
    assert found is not None
    return found


def test_such_rules_may_be_written() -> None:
    assert list(rules.rule_problems(ROUTE, "schema")) == []


def test_a_good_route_passes() -> None:
    assert compiled().problems(GOOD, None) == []
    assert compiled().problems(GOOD, GOOD) == []


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        (
            {"rules": [{"backendRefs": [{"group": "", "kind": "Service", "name": "web"}]}]},
            "spec.rules[0].backendRefs[0]",
            "Invalid value: Must have port for Service reference",
        ),
        (
            {"rules": [{"filters": [REDIRECT, REDIRECT]}]},
            "spec.rules[0].filters",
            "Invalid value: RequestRedirect filter cannot be repeated",
        ),
        (
            {"rules": [{"filters": [{"type": "RequestRedirect"}]}]},
            "spec.rules[0].filters[0]",
            "Invalid value: filter.requestRedirect must be specified for RequestRedirect filter.type",
        ),
        (
            {"rules": [{"name": "same"}, {"name": "same"}]},
            "spec.rules",
            "Invalid value: Rule name must be unique within the route",
        ),
        (
            {"parentRefs": [{"name": "one"}, {"name": "one"}]},
            "spec.parentRefs",
            "Invalid value: sectionName or port must be unique when parentRefs includes 2 or more references",
        ),
        ({"hostnames": ["Bad_Name"]}, "spec.hostnames[0]", 'Invalid value: "Bad_Name": no hostname'),
    ],
)
def test_a_bad_route_is_refused(change: dict[str, Any], field: str, message: str) -> None:
    route = {**GOOD, "spec": {**GOOD["spec"], **change}}
    (cause,) = compiled().problems(route, None)
    assert (cause.field, cause.message) == (field, message)
