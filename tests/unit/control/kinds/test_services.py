"""Services: what follows from their type, and from a change of it."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from bascule.control import kinds
from bascule.control.kinds.service import families
from bascule.control.kinds.strategy import Context
from tests.unit.control.kinds import samples

STRATEGY = kinds.strategy_for("", "services")
CONTEXT = Context(datetime(2026, 1, 2, tzinfo=UTC), random.Random(7))


def made(**spec: Any) -> dict[str, Any]:
    """A Service as it is stored: its address given out."""
    obj = samples.service(**spec)
    STRATEGY.default(obj)
    STRATEGY.prepare_create(obj, CONTEXT)
    assert families.settle(obj, None, "IPv4") == []
    own = obj["spec"]
    if own["type"] != "ExternalName" and not own.get("clusterIP"):
        own["clusterIP"], own["clusterIPs"] = "10.0.0.9", ["10.0.0.9"]
    return obj


def updated(old: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """What an update of a client that says only `spec` makes."""
    new = samples.service(**spec)
    STRATEGY.default(new)
    STRATEGY.prepare_update(new, old, CONTEXT)
    assert families.settle(new, old, "IPv4") == []
    return new


def refusals(obj: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
    causes = STRATEGY.validate(obj) if old is None else STRATEGY.validate_update(obj, old)
    return [f"{cause.field}: {cause.message}" for cause in causes]


def test_a_client_that_does_not_say_addresses_keeps_them() -> None:
    old = made(type="NodePort", ports=[{"name": "a", "port": 80, "nodePort": 30001}])
    new = updated(old, type="NodePort", ports=[{"name": "a", "port": 81}])
    assert new["spec"]["clusterIPs"] == ["10.0.0.9"]
    assert new["spec"]["ports"][0]["nodePort"] == 30001
    assert refusals(new, old) == refusals(new) == []


def test_a_change_to_external_name_gives_up_the_address() -> None:
    old = made()
    new = copy.deepcopy(old)
    new["spec"] |= {"type": "ExternalName", "externalName": "a.example"}
    STRATEGY.prepare_update(new, old, CONTEXT)
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & new["spec"].keys()
    assert refusals(new) == []


def test_a_change_to_cluster_ip_gives_up_what_was_outside() -> None:
    old = made(
        type="LoadBalancer",
        loadBalancerClass="a.example/b",
        externalTrafficPolicy="Local",
        healthCheckNodePort=30009,
        ports=[{"port": 80, "nodePort": 30001}],
    )
    old["status"] = {"loadBalancer": {"ingress": [{"ip": "1.2.3.4", "ipMode": "VIP"}]}}
    new = copy.deepcopy(old)
    new["spec"]["type"] = "ClusterIP"
    STRATEGY.prepare_update(new, old, CONTEXT)
    gone = {"loadBalancerClass", "healthCheckNodePort", "allocateLoadBalancerNodePorts", "externalTrafficPolicy"}
    assert not gone & new["spec"].keys()
    assert "nodePort" not in new["spec"]["ports"][0]
    assert new["status"] == {"loadBalancer": {}}
    assert old["status"]["loadBalancer"]["ingress"]
    assert refusals(new) == refusals(new, old) == []


def test_a_node_port_that_the_user_also_changed_is_refused_not_dropped() -> None:
    old = made(type="NodePort", ports=[{"port": 80, "nodePort": 30001}])
    new = copy.deepcopy(old)
    new["spec"]["type"] = "ClusterIP"
    new["spec"]["ports"][0]["nodePort"] = 30002
    STRATEGY.prepare_update(new, old, CONTEXT)
    assert "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'" in refusals(new)


def test_the_address_may_not_change() -> None:
    old = made()
    new = copy.deepcopy(old)
    new["spec"]["clusterIP"] = "10.0.0.10"
    STRATEGY.prepare_update(new, old, CONTEXT)
    assert new["spec"]["clusterIPs"] == ["10.0.0.10"]
    assert refusals(new, old) == ['spec.clusterIPs[0]: Invalid value: ["10.0.0.10"]: may not change once set']


def test_headless_without_selector_has_both_families() -> None:
    spec = made(clusterIP="None", selector=None)["spec"]
    assert (spec["ipFamilyPolicy"], spec["ipFamilies"]) == ("RequireDualStack", ["IPv4", "IPv6"])
    spec = made(clusterIP="None")["spec"]
    assert (spec["ipFamilyPolicy"], spec["ipFamilies"]) == ("SingleStack", ["IPv4"])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"ipFamilyPolicy": "RequireDualStack"},
            'Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
        ),
        ({"ipFamilies": ["IPv6"]}, 'Invalid value: "IPv6": not configured on this cluster'),
        (
            {"ipFamilies": ["IPv4", "IPv6"]},
            "Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families "
            "are specified",
        ),
    ],
)
def test_families_the_platform_does_not_have(spec: dict[str, Any], message: str) -> None:
    obj = samples.service(**spec)
    STRATEGY.default(obj)
    assert [cause.message for cause in families.settle(obj, None, "IPv4")] == [message]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"trafficDistribution": "PreferSameZone"}, []),
        (
            {"trafficDistribution": "Near"},
            [
                'spec.trafficDistribution: Unsupported value: "Near": supported values: "PreferClose", '
                '"PreferSameNode", "PreferSameZone"'
            ],
        ),
        (
            {"loadBalancerSourceRanges": ["10.0.0.0/8"]},
            ["spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'"],
        ),
        (
            {"externalIPs": ["127.0.0.1"]},
            [
                'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range '
                "(127.0.0.0/8, ::1/128)"
            ],
        ),
        (
            {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 0}}},
            [
                "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and "
                "less than 86400"
            ],
        ),
        (
            {"internalTrafficPolicy": "Near"},
            ['spec.internalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"'],
        ),
    ],
)
def test_rules(spec: dict[str, Any], expected: list[str]) -> None:
    assert refusals(made(**spec)) == expected


def test_status_of_a_balancer() -> None:
    old = made(type="LoadBalancer", ports=[{"port": 80, "nodePort": 30001}])
    new = copy.deepcopy(old)
    new["status"] = {"loadBalancer": {"ingress": [{"ip": "1.2.3.4", "hostname": "1.2.3.4"}]}}
    STRATEGY.default(new)
    assert new["status"]["loadBalancer"]["ingress"][0]["ipMode"] == "VIP"
    messages = [cause.message for cause in STRATEGY.validate_status(new, old)]
    assert messages == ['Invalid value: "1.2.3.4": must be a DNS name, not an IP address']
    plain = made()
    plain["status"] = new["status"]
    messages = [cause.message for cause in STRATEGY.validate_status(plain, plain)]
    assert messages == ["Forbidden: may only be used when `spec.type` is 'LoadBalancer'"]


def test_warnings() -> None:
    obj = made(clusterIP="None", externalIPs=["1.2.3.4"], externalName="a", trafficDistribution="PreferClose")
    assert STRATEGY.warnings(obj) == [
        "spec.externalIPs is ignored for headless services",
        'spec.externalName is ignored when spec.type is not "ExternalName"',
        'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
    ]
