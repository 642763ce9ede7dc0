"""What of a pod's `Memory` outlives the agent, kept in the ledger: the status last reported and the back-offs."""

from __future__ import annotations

import logging
from datetime import datetime

import msgspec

from bascule.data.agent.host import Ledger
from bascule.data.agent.pods import failing, model
from bascule.data.network import local
from bascule.vocabulary.objects import Object

_log = logging.getLogger(__name__)

BACKOFF = "backoff/"  # and the pod's uid: {container: [delay in seconds, when it was last started again]}


def memory(ledger: Ledger, uid: str) -> model.Memory:
    """As it was, as far as it was kept; a broken record is none."""
    out = model.Memory(previous=_decoded(ledger, local.STATUS + uid))
    for group in ("containerStatuses", "initContainerStatuses"):
        for entry in out.previous.get(group) or ():
            run_id = (entry.get("containerID") or "").rpartition("://")[2]
            if run_id and "running" in (entry.get("state") or {}):
                out.health[run_id] = model.Health(entry.get("started"), entry.get("ready"))
    out.failures = failing.recalled(out.previous)
    if out.previous.get("phase") == "Failed" and out.previous.get("reason"):
        out.stop = model.Stop(out.previous["reason"], out.previous.get("message", ""))
    for name, (delay_seconds, updated) in _decoded(ledger, BACKOFF + uid).items():
        out.backoffs[name] = model.BackOff(float(delay_seconds), datetime.fromisoformat(updated))
    return out


def _decoded(ledger: Ledger, key: str) -> Object:
    stored = ledger.recall(key)
    try:
        found = msgspec.json.decode(stored) if stored else {}
    except msgspec.DecodeError:
        found = {}
    return found if isinstance(found, dict) else {}


def keep_status(ledger: Ledger, uid: str, status: Object) -> None:
    _keep(ledger, local.STATUS + uid, status)


def keep_backoffs(ledger: Ledger, uid: str, backoffs: dict[str, model.BackOff]) -> None:
    kept = {name: [item.delay_seconds, item.updated.isoformat()] for name, item in backoffs.items() if name}
    _keep(ledger, BACKOFF + uid, kept)


def _keep(ledger: Ledger, key: str, value: Object) -> None:
    try:
        ledger.remember(key, msgspec.json.encode(value))
    except OSError as error:
        _log.error("not remembered", extra={"key": key, "error": str(error)})


def forget(ledger: Ledger, uid: str) -> None:
    ledger.forget(local.STATUS + uid)
    ledger.forget(BACKOFF + uid)
