"""Whether EndpointSlices still send clients to a pod. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bascule.bridge import messages
from bascule.data.agent.pods.model import Exposure


def of(uid: str, slices: Iterable[messages.Desired], patience_seconds: float) -> Exposure:
    """By the pod's uid; slices that do not contain it are not even decoded."""
    mark = uid.encode()
    named = ready = False
    for desired in slices:
        if mark not in desired.body:
            continue
        for endpoint in desired.object().get("endpoints") or ():
            if (endpoint.get("targetRef") or {}).get("uid") == uid:
                named = True
                conditions = endpoint.get("conditions") or {}
                ready = ready or (conditions.get("ready") is not False and not conditions.get("terminating"))
    return Exposure(named, ready, patience_seconds)
