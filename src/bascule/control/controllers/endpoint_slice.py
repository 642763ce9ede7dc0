"""EndpointSlices (and the Endpoints mirror) of Services that select pods. Decided by `backends`,
`slicing`, `endpoints`.

A Service without a selector is not ours: `endpoint_slice_mirroring` and its author care for it. Endpoints of its
name go with it nevertheless, whoever wrote them, when it is seen to go; those that wait for a Service stay.
"""

from collections.abc import Iterable

from bascule.client import api
from bascule.control.controllers import backends, endpoints, lost_nodes, slicing, sources
from bascule.control.controllers import pods as pod_facts
from bascule.control.reconcile import controller, expectations, manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, errors, objects

MANAGER = "endpointslice-controller.k8s.io"
SERVICE = "service"
"""The index of slices by (cluster, namespace, service name, manager)."""


def selects(service: objects.Object, labels: dict[str, str]) -> bool:
    selector = (service.get("spec") or {}).get("selector")
    return bool(selector and selector.items() <= labels.items())


def by_service(one: objects.Object) -> Iterable[tuple[str, str, str, str]]:
    labels = objects.labels(one)
    name, managed_by = labels.get(slicing.SERVICE_NAME), labels.get(slicing.MANAGED_BY)
    if not name or not managed_by:
        return []
    return [(objects.cluster(one), objects.namespace(one), name, managed_by)]


class EndpointSlices:
    def __init__(self, boss: manager.Manager) -> None:
        self._client = boss.client
        self._services = sources.owned(boss, builtins.SERVICES)
        self._pods = sources.pods(boss)
        self._slices = boss.informer(builtins.ENDPOINT_SLICES)
        self._slices.add_index(SERVICE, by_service)
        self._endpoints = boss.informer(builtins.ENDPOINTS)
        self._nodes = boss.informer(builtins.NODES)
        self._expected = expectations.Expectations(boss.clock)
        self._gone: set[Request] = set()
        """Services that were deleted and whose Endpoints are still to go."""
        self._services.on_change(self._note)
        self._slices.on_change(self._observe)
        self._nodes.add_index("cluster", lambda node: [objects.cluster(node)])
        self.controller = boss.controller("endpointslices", self.reconcile, of=builtins.SERVICES, workers=8)
        self.controller.watch(self._services)
        self.controller.watch(self._pods, self._services_of_pod)
        self.controller.watch(self._slices, self._service_of_slice)
        self.controller.watch(self._endpoints, controller.own_key)
        self.controller.watch(self._nodes, self._services_of_node)

    def _observe(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> None:
        if type_ == "ADDED":
            for request in self._service_of_slice(type_, None, new):
                self._expected.created(request)

    def _note(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> None:
        if new is not None:
            self._gone.discard(objects.key(new))
        elif old is not None:
            self._gone.add(objects.key(old))

    def _services_of_pod(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> Iterable[Request]:
        if old is not None and new is not None and _shown(old) == _shown(new):
            return []
        return {
            objects.key(service)
            for pod in (old, new)
            if pod is not None
            for service in self._services.by_index(sources.PLACE, (objects.cluster(pod), objects.namespace(pod)))
            if selects(service, objects.labels(pod))
        }

    def _service_of_slice(
        self, type_: str, old: objects.Object | None, new: objects.Object | None
    ) -> Iterable[Request]:
        return {
            Request(objects.cluster(one), objects.namespace(one), objects.labels(one)[slicing.SERVICE_NAME])
            for one in (old, new)
            if one is not None and objects.labels(one).get(slicing.SERVICE_NAME)
        }

    def _services_of_node(
        self, type_: str, old: objects.Object | None, new: objects.Object | None
    ) -> Iterable[Request]:
        """Whether a node counts depends on how many others do: all Services of its cluster are looked at."""
        if old is not None and new is not None and _node_facts(old) == _node_facts(new):
            return []
        current = new or old
        where = objects.cluster(current) if current else ""
        return [key for key in self._services.store if key.cluster == where]

    async def reconcile(self, request: Request) -> outcome.Outcome:
        service = self._services.store.get(request)
        if service is None:
            await self._clear(request)
            return outcome.DONE
        if not (service.get("spec") or {}).get("selector"):
            return outcome.DONE
        if (service.get("spec") or {}).get("type") == "ExternalName":
            return outcome.DONE
        if not self._expected.met(request):
            return outcome.RetryAfter(1.0)  # Its own slices are not seen yet: it would make them twice.
        place = (request.cluster, request.namespace)
        pods = [pod for pod in self._pods.by_index(sources.PLACE, place) if selects(service, objects.labels(pod))]
        nodes = {objects.name(node): node for node in self._nodes.by_index("cluster", request.cluster)}
        found = backends.of_service(service, pods, nodes)
        slices = self._slices.by_index(SERVICE, (*place, request.name, MANAGER))
        changes = slicing.decide(service, found, slices, manager=MANAGER)
        await write(self._client, request, changes, self._expected)
        await self._mirror(service, request, found)
        return outcome.DONE

    async def _clear(self, request: Request) -> None:
        """Endpoints have no owner to go with."""
        present = self._endpoints.store.get(request)
        if present is None or not (request in self._gone or _is_mirror(present)):
            self._gone.discard(request)
            return
        try:
            await self._client.delete(
                builtins.ENDPOINTS,
                request.name,
                namespace=request.namespace,
                cluster=request.cluster,
                uid=objects.uid(present),
            )
        except errors.StatusError as error:
            if error.code not in (404, 409):
                raise
        self._gone.discard(request)

    async def _mirror(self, service: objects.Object, request: Request, found: list[backends.Backend]) -> None:
        present = self._endpoints.store.get(request)
        document = endpoints.decide(service, found, present)
        if document is None:
            return
        if present is not None:
            await self._client.update(builtins.ENDPOINTS, document, cluster=request.cluster)
        else:
            await self._client.create(builtins.ENDPOINTS, document, cluster=request.cluster)


def _is_mirror(one: objects.Object) -> bool:
    return objects.labels(one).get(endpoints.MANAGED_BY) == endpoints.MANAGER


async def write(
    client: api.Client, request: Request, changes: slicing.Changes, expected: expectations.Expectations
) -> None:
    """Additions before removals, so that no moment has fewer backends than before and after."""
    try:
        for one in changes.create:
            expected.expect_creation(request)
            try:
                await client.create(builtins.ENDPOINT_SLICES, one, cluster=request.cluster)
            except BaseException:
                expected.created(request)
                raise
        for one in changes.update:
            await client.update(builtins.ENDPOINT_SLICES, one, cluster=request.cluster)
        for one in changes.delete:
            await client.delete(
                builtins.ENDPOINT_SLICES,
                objects.name(one),
                namespace=request.namespace,
                cluster=request.cluster,
                uid=objects.uid(one),
            )
    except errors.StatusError as error:
        if error.code == 403 and "being terminated" in error.message:
            return
        raise


def _shown(pod: objects.Object) -> tuple[object, ...]:
    """What of a pod its backends show."""
    status, spec = pod_facts.status(pod), pod_facts.spec(pod)
    return (
        objects.uid(pod),
        objects.labels(pod),
        objects.deletion_timestamp(pod) is None,
        pod_facts.finished(pod),
        pod_facts.ready(pod),
        status.get("podIP"),
        status.get("podIPs"),
        spec.get("nodeName"),
    )


def _node_facts(node: objects.Object) -> tuple[object, ...]:
    doubts = lost_nodes.is_lost(node), lost_nodes.is_doubtful(node)
    return *doubts, objects.labels(node).get(lost_nodes.ZONE)
