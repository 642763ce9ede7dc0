"""Services beside pods that come and go: a pod that went stays withdrawn until no slice names it."""

from __future__ import annotations

from typing import Any

from bascule.data.agent.network import Names, NamesOnly
from bascule.data.agent.serviced import ServicedNetwork
from bascule.data.network.plan import Plan
from bascule.data.network.services import Settings

SERVICE = {"metadata": {"namespace": "d", "name": "web"}, "spec": {"clusterIP": "10.96.0.5", "ports": [{"port": 80}]}}
SLICE = {
    "metadata": {"namespace": "d", "name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
    "addressType": "IPv4",
    "ports": [{"port": 8080}],
    "endpoints": [{"addresses": ["10.1.0.1"], "targetRef": {"uid": "u"}, "conditions": {"ready": True}}],
}


class Desired:
    def __init__(self, value: dict[str, Any]) -> None:
        self._value = value

    def object(self) -> dict[str, Any]:
        return self._value


class Ledger:
    def __init__(self) -> None:
        self.held: dict[str, list[dict[str, Any]]] = {"services": [SERVICE], "endpointslices": [SLICE]}

    def all(self, kind: str) -> list[Desired]:
        return [Desired(value) for value in self.held.get(kind, [])]


class Engine:
    plan = Plan()

    async def enforce(self, plan: Plan) -> None:
        self.plan = plan

    async def run(self) -> None: ...

    async def remove(self) -> None: ...

    @property
    def addresses(self) -> list[str]:
        return [backend.address for target in self.plan.targets.values() for backend in target.backends]


async def test_a_pod_that_went_stays_withdrawn_until_no_slice_names_it() -> None:
    ledger, engine = Ledger(), Engine()
    settings = Settings("n1", "10.0.0.1", "10.96.0.0/16", routed=False)
    made = ServicedNetwork(NamesOnly("10.0.0.1", Names()), ledger, engine, settings)
    made.observe("u", "10.1.0.1", ready=True)
    await made.sync()
    assert engine.addresses == ["10.1.0.1"]
    await made.detach("u")
    for _ in range(2):
        await made.sync()
        assert engine.addresses == [], "the slice is older than the pod's end"
    ledger.held["endpointslices"] = []
    await made.sync()
    assert not made._pods
    assert not made._gone
