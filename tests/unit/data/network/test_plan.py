"""The plan: which frontend leads to which backends, and what malformed input costs."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bascule.data.network import plan
from bascule.data.network.plan import Backend, Frontend


def service(name: str = "web", **spec: Any) -> dict[str, Any]:
    base = {"clusterIP": "10.96.0.5", "ports": [{"port": 80, "protocol": "TCP"}]}
    return {"metadata": {"namespace": "default", "name": name}, "spec": base | spec}


def endpoint(address: str, node: str = "n1", **conditions: bool) -> dict[str, Any]:
    return {"addresses": [address], "nodeName": node, "conditions": conditions or {"ready": True}}


def piece(*endpoints: dict[str, Any], service_name: str = "web", port: int = 8080) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": "default",
            "name": f"{service_name}-x",
            "labels": {plan.SERVICE_NAME_LABEL: service_name},
        },
        "addressType": "IPv4",
        "ports": [{"port": port, "protocol": "TCP"}],
        "endpoints": list(endpoints),
    }


def test_ready_endpoints_stand_behind_the_cluster_address() -> None:
    compiled = plan.compile([service()], [piece(endpoint("10.1.0.2"), endpoint("10.1.0.1"))], node_name="n1")
    (target,) = compiled.targets.values()
    assert target.frontends == (Frontend("10.96.0.5", "tcp", 80),)
    assert target.backends == (Backend("10.1.0.1", 8080), Backend("10.1.0.2", 8080))
    assert compiled.local_addresses == {"10.1.0.1", "10.1.0.2"}


def test_an_unready_endpoint_is_used_only_while_it_serves_its_last_requests() -> None:
    terminating = endpoint("10.1.0.1", ready=False, serving=True, terminating=True)
    unready = endpoint("10.1.0.3", ready=False)
    alone = plan.compile([service()], [piece(terminating, unready)], node_name="n1")
    assert next(iter(alone.targets.values())).backends == (Backend("10.1.0.1", 8080),)
    beside = plan.compile([service()], [piece(terminating, endpoint("10.1.0.2"))], node_name="n1")
    assert next(iter(beside.targets.values())).backends == (Backend("10.1.0.2", 8080),)


def test_a_service_without_endpoints_is_planned_so_that_it_can_refuse() -> None:
    compiled = plan.compile([service()], [], node_name="n1")
    assert next(iter(compiled.targets.values())).backends == ()


def test_an_external_address_is_never_another_services() -> None:
    """Whoever may write a service in one namespace would otherwise get what is sent to all others."""
    victim = service("zvictim", clusterIP="10.96.0.7", ports=[{"port": 443, "protocol": "TCP"}])
    thief = service("athief", externalIPs=["10.96.0.7", "10.96.0.10", "192.0.2.1"], ports=[{"port": 443}])
    compiled = plan.compile([victim, thief], [], node_name="n1", excluded_addresses=frozenset({"10.96.0.10"}))
    by_frontend = {one: key for key, target in compiled.targets.items() for one in target.frontends}
    assert by_frontend[Frontend("10.96.0.7", "tcp", 443)].startswith("root/default/zvictim")
    assert Frontend("10.96.0.10", "tcp", 443) not in by_frontend
    assert by_frontend[Frontend("192.0.2.1", "tcp", 443)].startswith("root/default/athief")


def test_null_lists_are_empty_lists() -> None:
    broken = piece()
    broken["endpoints"] = None
    broken["ports"] = None
    assert plan.compile([service(ports=None)], [broken], node_name="n1").problems == ()


def test_a_malformed_service_costs_only_itself() -> None:
    bad = service("bad", clusterIP="not-an-address")
    compiled = plan.compile([bad, service()], [piece(endpoint("10.1.0.1"))], node_name="n1")
    assert len(compiled.targets) == 1
    assert "root/default/bad" in compiled.problems[0]


def test_local_policy_keeps_to_the_node_and_only_for_the_frontends_it_names() -> None:
    outside = service(
        type="NodePort", externalTrafficPolicy="Local", ports=[{"port": 80, "protocol": "TCP", "nodePort": 30080}]
    )
    compiled = plan.compile([outside], [piece(endpoint("10.1.0.1"), endpoint("10.2.0.1", node="n2"))], node_name="n1")
    assert compiled.targets["root/default/web:80/local"].frontends == (Frontend("", "tcp", 30080),)
    assert compiled.targets["root/default/web:80/local"].backends == (Backend("10.1.0.1", 8080),)
    assert len(compiled.targets["root/default/web:80"].backends) == 2


def test_a_frontend_belongs_to_one_service() -> None:
    compiled = plan.compile([service("a"), service("b")], [], node_name="n1")
    assert list(compiled.targets) == ["root/default/a:80"]
    assert "already belongs to" in compiled.problems[0]


def test_headless_external_and_excluded_services_have_no_frontends() -> None:
    services = [service("h", clusterIP="None"), service("e", type="ExternalName"), service("d", clusterIP="10.96.0.10")]
    compiled = plan.compile(services, [], node_name="n1", excluded_addresses=frozenset({"10.96.0.10"}))
    assert not compiled.targets
    assert not compiled.problems


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_garbage_in_a_spec_is_a_problem_and_never_an_exception(garbage: Any) -> None:
    bad = service("bad")
    bad["spec"]["ports"] = [garbage]
    compiled = plan.compile([bad, service("good", clusterIP="10.96.0.6")], [], node_name="n1")
    assert "root/default/good:80" in compiled.targets
