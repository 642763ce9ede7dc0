"""Names: Services, headless endpoints, ports, pods, the way back, and what does not exist."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bascule.data.dns.zone import ABSENT, Record, Type, Zone


def service(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop", "name": name}, "spec": spec}


WEB = service("web", clusterIP="10.96.0.5", ports=[{"name": "http", "port": 80, "protocol": "TCP"}])
HEADLESS = service("db", clusterIP="None")
SLICE = {
    "metadata": {"namespace": "shop", "name": "db-1", "labels": {"kubernetes.io/service-name": "db"}},
    "addressType": "IPv4",
    "ports": [{"name": "pg", "port": 5432, "protocol": "TCP"}],
    "endpoints": [
        {"addresses": ["10.1.0.7"], "hostname": "db-0", "conditions": {"ready": True}},
        {"addresses": ["10.1.0.8"], "conditions": {"ready": False}},
        {"addresses": ["10.1.0.9"], "conditions": {}},
    ],
}
ZONE = Zone(
    "cluster.local", [WEB, HEADLESS, service("away", type="ExternalName", externalName="example.com.")], [SLICE]
)


def addresses(name: str) -> list[Any]:
    return [record.data for record in ZONE.look_up(name, Type.A).records]


def test_a_service_has_its_address_and_its_address_has_a_name() -> None:
    assert addresses("web.shop.svc.cluster.local") == ["10.96.0.5"]
    back = ZONE.look_up("5.0.96.10.in-addr.arpa", Type.PTR)
    assert back.records == (Record(Type.PTR, "web.shop.svc.cluster.local"),)


def test_a_headless_service_names_its_ready_endpoints() -> None:
    assert addresses("db.shop.svc.cluster.local") == ["10.1.0.7", "10.1.0.9"]
    assert addresses("db-0.db.shop.svc.cluster.local") == ["10.1.0.7"]


def test_named_ports_have_srv_records() -> None:
    (record,) = ZONE.look_up("_http._tcp.web.shop.svc.cluster.local", Type.SRV).records
    assert record.data == (0, 100, 80, "web.shop.svc.cluster.local")
    targets = {r.data[3] for r in ZONE.look_up("_pg._tcp.db.shop.svc.cluster.local", Type.SRV).records}
    assert targets == {"db-0.db.shop.svc.cluster.local", "10-1-0-9.db.shop.svc.cluster.local"}


def test_an_external_name_is_an_alias_whatever_is_asked() -> None:
    for type_ in (Type.A, 28):
        assert ZONE.look_up("away.shop.svc.cluster.local", type_).records == (Record(Type.CNAME, "example.com"),)


def test_a_pod_name_spells_out_its_address() -> None:
    assert addresses("10-1-2-3.shop.pod.cluster.local") == ["10.1.2.3"]
    assert ZONE.look_up("10-1-2-300.shop.pod.cluster.local", Type.A) == ABSENT


def test_a_name_without_records_of_the_type_exists_and_an_absent_one_does_not() -> None:
    assert ZONE.look_up("web.shop.svc.cluster.local", 28) == (True, ())
    assert ZONE.look_up("shop.svc.cluster.local", Type.A) == (True, ())
    assert ZONE.look_up("gone.shop.svc.cluster.local", Type.A) == ABSENT


def test_only_its_own_names_are_its_own() -> None:
    assert ZONE.owns("anything.cluster.local")
    assert not ZONE.owns("notcluster.local")
    assert not ZONE.owns("example.com")


@given(st.dictionaries(st.text(max_size=9), st.none() | st.integers() | st.text(max_size=9) | st.lists(st.integers())))
def test_a_malformed_service_costs_only_its_own_name(spec: dict[str, Any]) -> None:
    zone = Zone("cluster.local", [service("bad") | {"spec": spec}, WEB], [])
    assert zone.look_up("web.shop.svc.cluster.local", Type.A).records
