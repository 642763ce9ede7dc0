"""Addresses and ports of Services: unique, kept, given back."""

import asyncio
import random
from typing import Any

import pytest

from bascule.control.api import allocation
from bascule.vocabulary import errors
from tests.unit.control.api import harness

SERVICES = "/api/v1/namespaces/default/services"


def _service(name: str = "s", **spec: Any) -> harness.Object:
    port = {"port": 80}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [port], **spec}}


def _services(address_range: str = "10.0.0.0/29", ports: tuple[int, int] = (30000, 30002)) -> allocation.Services:
    return allocation.Services(address_range, ports, random.Random(1))


def test_a_range_is_used_to_the_last_address_and_no_further() -> None:
    services = _services()
    given = set()
    for _ in range(5):
        service = _service(type="ClusterIP")
        with services.claim(service) as claim:
            claim.keep()
        given.add(service["spec"]["clusterIP"])
    assert given == {f"10.0.0.{n}" for n in range(2, 7)}
    with pytest.raises(errors.StatusError, match="range is full"):
        services.claim(_service(type="ClusterIP"))


def test_what_a_failed_write_took_is_free_again() -> None:
    services = _services()
    wanted = _service(type="NodePort", clusterIP="10.0.0.5")
    wanted["spec"]["ports"][0]["nodePort"] = 30001
    with services.claim(wanted), pytest.raises(errors.StatusError) as refused:
        services.claim(_service(type="ClusterIP", clusterIP="10.0.0.5"))
    assert "provided IP is already allocated" in refused.value.message
    with services.claim(_service(type="ClusterIP", clusterIP="10.0.0.5")) as claim:
        claim.keep()


def test_a_change_of_type_gives_back_what_is_no_longer_used() -> None:
    services = _services(ports=(30000, 30000))
    first = _service(type="NodePort")
    with services.claim(first) as claim:
        claim.keep()
    second = _service(type="ClusterIP", clusterIP=first["spec"]["clusterIP"])
    with services.claim(second, first) as claim:
        claim.keep()
    assert second["spec"]["clusterIP"] == first["spec"]["clusterIP"]
    with services.claim(_service(type="NodePort")) as claim:
        claim.keep()
    services.release(second)
    with services.claim(_service(type="ClusterIP", clusterIP=first["spec"]["clusterIP"])):
        pass


async def test_concurrent_services_get_different_addresses(api: harness.Api) -> None:
    made = await asyncio.gather(*(api.create(SERVICES, _service(f"s{n}", type="NodePort")) for n in range(20)))
    assert len({service["spec"]["clusterIP"] for service in made}) == 20
    assert len({service["spec"]["ports"][0]["nodePort"] for service in made}) == 20


async def test_the_kubernetes_service_has_the_first_address(api: harness.Api) -> None:
    spec = (await api.get(f"{SERVICES}/kubernetes")).body["spec"]
    assert spec["clusterIP"] == "10.96.0.1"
    assert spec["clusterIPs"] == ["10.96.0.1"]


async def test_headless_external_and_asked_for(api: harness.Api) -> None:
    headless = await api.create(SERVICES, _service("h", clusterIP="None"))
    assert headless["spec"]["clusterIPs"] == ["None"]
    external = await api.create(SERVICES, _service("e", type="ExternalName", externalName="a.example"))
    assert "clusterIP" not in external["spec"]
    asked = await api.create(SERVICES, _service("a", clusterIP="10.96.9.9"))
    assert asked["spec"]["clusterIP"] == "10.96.9.9"
    taken = await api.call("POST", SERVICES, _service("b", clusterIP="10.96.9.9"))
    assert taken.code == 422
    outside = await api.call("POST", SERVICES, _service("c", clusterIP="192.168.0.1"))
    assert "the provided network does not match the current range" in outside.body["message"]
    assert (await api.call("DELETE", f"{SERVICES}/a")).code == 200
    assert (await api.create(SERVICES, _service("b", clusterIP="10.96.9.9")))["spec"]["clusterIP"] == "10.96.9.9"


async def test_an_update_keeps_the_address(api: harness.Api) -> None:
    made = await api.create(SERVICES, _service("s"))
    answer = await api.call("PUT", f"{SERVICES}/s", _service("s", type="NodePort"))
    assert answer.code == 200
    assert answer.body["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    assert answer.body["spec"]["ports"][0]["nodePort"] >= 30000
    moved = await api.patch(f"{SERVICES}/s", {"spec": {"clusterIP": "10.96.7.7", "clusterIPs": ["10.96.7.7"]}})
    assert moved.code == 422


async def test_a_dry_run_takes_nothing(api: harness.Api) -> None:
    answer = await api.call("POST", f"{SERVICES}?dryRun=All", _service("d", clusterIP="10.96.8.8"))
    assert answer.code == 201
    assert (await api.create(SERVICES, _service("d", clusterIP="10.96.8.8")))["spec"]["clusterIP"] == "10.96.8.8"
