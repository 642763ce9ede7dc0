"""EndpointSlices as this node knows them better: where its own pods are, and whether they are ready.

Pure. The control side's word on a node's own pods is second-hand: late while it is slow, silent while it is away, and
wrong after a reboot, which gives pods new addresses. A node corrects what it is told about its own pods and nothing
else; a pod that is being terminated stays withdrawn. Services that publish unready addresses keep them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object

STATUS = "status/"
"""Under this and its uid the agent remembers in the ledger what it last saw of a pod, as a Pod's status."""

SERVICE_NAME_LABEL = "kubernetes.io/service-name"


class Observed(NamedTuple):
    """What the node sees of one of its pods. No address: the pod has none yet."""

    address: str
    ready: bool
    ending: bool = False


GONE = Observed("", ready=False)
"""A pod that is no more."""

Pods = Mapping[str, Observed]
"""By the pod's uid."""


def named(slices: Iterable[Object]) -> set[str]:
    """The uids of all pods that the slices name."""
    return {_uid(endpoint) for piece in slices for endpoint in piece.get("endpoints") or ()} - {""}


def corrected(services: Iterable[Object], slices: Iterable[Object], pods: Pods) -> Iterator[Object]:
    """The slices, with the endpoints of this node's own pods as the node sees them."""
    public = {
        objects.key(service) for service in services if (service.get("spec") or {}).get("publishNotReadyAddresses")
    }
    for piece in slices:
        endpoints = piece.get("endpoints") or ()
        if not pods or not any(_uid(endpoint) in pods for endpoint in endpoints):
            yield piece
            continue
        cluster, namespace, _ = objects.key(piece)
        service = objects.Key(cluster, namespace, objects.labels(piece).get(SERVICE_NAME_LABEL) or "")
        told = [_endpoint(endpoint, pods, published=service in public) for endpoint in endpoints]
        yield {**piece, "endpoints": [endpoint for endpoint in told if endpoint is not None]}


def _uid(endpoint: Any) -> str:
    return ((endpoint or {}).get("targetRef") or {}).get("uid") or ""


def _endpoint(endpoint: dict[str, Any], pods: Pods, *, published: bool) -> dict[str, Any] | None:
    observed = pods.get(_uid(endpoint))
    if observed is None:
        return endpoint
    if not observed.address:
        return None
    conditions = dict(endpoint.get("conditions") or {})
    if observed.ending:
        conditions["terminating"] = True
    if not published:
        conditions["serving"] = observed.ready
        conditions["ready"] = observed.ready and not conditions.get("terminating")
    return {**endpoint, "addresses": [observed.address], "conditions": conditions}
