"""Mirrors Endpoints that people or programs write for Services without a selector into EndpointSlices.

At most 1,000 addresses of each subset. Endpoints marked `endpointslice.kubernetes.io/skip-mirror` are left alone, as
are those used for leader election.
"""

from collections.abc import Iterable
from typing import Any

from bascule.control.controllers import backends, endpoint_slice, slicing
from bascule.control.reconcile import expectations, manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, objects

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
_LEADER = "control-plane.alpha.kubernetes.io/leader"
_MOST = 1000


def mirrored(service: objects.Object | None, endpoints: objects.Object | None) -> bool:
    if service is None or endpoints is None or (service.get("spec") or {}).get("selector"):
        return False
    return objects.labels(endpoints).get(SKIP) != "true" and _LEADER not in objects.annotations(endpoints)


def backends_of(endpoints: objects.Object) -> list[backends.Backend]:
    found = []
    for subset in endpoints.get("subsets") or ():
        ports = tuple(
            backends.Port(
                port.get("name") or "",
                port.get("protocol") or "TCP",
                port["port"],
                port.get("appProtocol") or "",
            )
            for port in subset.get("ports") or ()
        )
        addresses = [(one, True) for one in subset.get("addresses") or ()]
        addresses += [(one, False) for one in subset.get("notReadyAddresses") or ()]
        for address, ready in addresses[:_MOST]:
            found.append(backends.Backend(backends.family_of(address["ip"]), ports, _endpoint(address, ready)))
    return found


def _endpoint(address: dict[str, Any], ready: bool) -> dict[str, Any]:
    endpoint: dict[str, Any] = {"addresses": [address["ip"]], "conditions": {"ready": ready}}
    for field in ("hostname", "nodeName", "targetRef"):
        if address.get(field):
            endpoint[field] = address[field]
    return endpoint


class Mirroring:
    """Requests name Services, whose Endpoints bear the same name."""

    def __init__(self, boss: manager.Manager) -> None:
        self._client = boss.client
        self._services = boss.informer(builtins.SERVICES)
        self._endpoints = boss.informer(builtins.ENDPOINTS)
        self._slices = boss.informer(builtins.ENDPOINT_SLICES)
        self._slices.add_index(endpoint_slice.SERVICE, endpoint_slice.by_service)
        self._expected = expectations.Expectations(boss.clock)
        self._slices.on_change(self._observe)
        self.controller = boss.controller("endpointslice-mirroring", self.reconcile, of=builtins.SERVICES)
        self.controller.watch(self._services)
        self.controller.watch(self._endpoints)
        self.controller.watch(self._slices, self._of_slice)

    def _observe(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> None:
        if type_ == "ADDED":
            for request in self._of_slice(type_, None, new):
                self._expected.created(request)

    def _of_slice(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> Iterable[Request]:
        return [
            Request(cluster, namespace, name)
            for one in (old, new)
            if one is not None
            for cluster, namespace, name, managed_by in endpoint_slice.by_service(one)
            if managed_by == MANAGER
        ]

    async def reconcile(self, request: Request) -> outcome.Outcome:
        if not self._expected.met(request):
            return outcome.RetryAfter(1.0)  # Its own slices are not seen yet: it would make them twice.
        service, endpoints = self._services.store.get(request), self._endpoints.store.get(request)
        slices = self._slices.by_index(endpoint_slice.SERVICE, (*request, MANAGER))
        changes = slicing.Changes(delete=slices)
        if service is not None and endpoints is not None and mirrored(service, endpoints):
            changes = slicing.decide(service, backends_of(endpoints), slices, manager=MANAGER)
        await endpoint_slice.write(self._client, request, changes, self._expected)
        return outcome.DONE
