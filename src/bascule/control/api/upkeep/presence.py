"""The server's own Lease in kube-system: who serves, and since when it has been heard of.

Renewed every minute, so that time passes in a store where nothing else is written: history, and the continue tokens
that point into it, grow old there as anywhere.
"""

from __future__ import annotations

import hashlib
import logging
import socket
from typing import Final

from bascule.control.api import call as calls
from bascule.control.api import options, pipeline
from bascule.control.api import platform as platforms
from bascule.control.cache import record
from bascule.vocabulary import builtins, errors, names, objects, timestamps

INTERVAL_SECONDS: Final = 60.0
LABEL: Final = "apiserver.kubernetes.io/identity"
_LEASE_SECONDS: Final = 3600
_NAMESPACE: Final = "kube-system"
_log = logging.getLogger(__name__)


async def run(platform: platforms.Platform) -> None:
    """Runs until it is cancelled. A lease that cannot be written is said and tried again."""
    clock = platform.time
    host, port = socket.gethostname().lower(), platform.settings.port
    place = hashlib.sha256(f"{host}:{port}".encode()).hexdigest()
    name = f"apiserver-{place[:26]}"
    while True:
        try:
            await _renew(platform, name, holder=f"{name}_{host}", host=host)
        except errors.StatusError as error:
            _log.warning("this server's own lease was not renewed: %s", error.message)
        await clock.sleep(INTERVAL_SECONDS)


async def _renew(platform: platforms.Platform, name: str, *, holder: str, host: str) -> None:
    call = calls.Call(
        endpoint=platform.endpoint_of(builtins.LEASES),
        user=platforms.SELF,
        verb="create",
        cluster=objects.ROOT,
        namespace=_NAMESPACE,
        name=name,
        options=options.WriteOptions(field_manager="bascule"),
    )
    now = timestamps.format_micro(platform.time.now())
    spec = {"holderIdentity": holder, "leaseDurationSeconds": _LEASE_SECONDS, "renewTime": now}
    if call.endpoint.records.get(call.key) is None:
        labels = {LABEL: "bascule-api"}
        if not names.label_value_problems(host):
            labels["kubernetes.io/hostname"] = host
        meta = {"name": name, "namespace": _NAMESPACE, "labels": labels}
        made = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}
        await pipeline.create(platform, call, made)
        return

    def change(current: objects.Object, _: record.Record) -> objects.Object:
        return {**current, "spec": {**current["spec"], **spec}}

    call.verb = "update"
    await pipeline.update(platform, call, change, retry=True)
