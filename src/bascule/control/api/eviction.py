"""pods/eviction: a deletion that disruption budgets may refuse.

The budget is charged before the pod is deleted, with the budget's version checked, so that concurrent evictions
never take more than it allows.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any, Final

from aiohttp import web

from bascule.control.api import body, deleting, deletion, options, pipeline, respond
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.cache import errors as cache_errors
from bascule.control.cache import record, scope
from bascule.control.schema import catalog, types
from bascule.vocabulary import builtins, conditions, errors, labels, objects

_DISRUPTED_MAX: Final = 2000
_RETRY_SECONDS: Final = 10
_FINISHED: Final = ("Succeeded", "Failed")


async def evict(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """201 with a Status; 429 when a budget does not allow it now."""
    schema = catalog.schema_of("policy/v1", "Eviction") or types.ANYTHING
    eviction = await body.read(call, api_version="policy/v1", kind="Eviction", schema=schema)
    stored = call.endpoint.records.get(call.key)
    if stored is None:
        raise call.not_found()
    pod = call.endpoint.decode(stored)
    wanted = deletion.wish(options.Parameters(""), eviction.get("deleteOptions"))
    if call.options.dry_run:
        wanted = wanted._replace(dry_run=True)
    deletion.check_preconditions(wanted, pod, call.resource.qualified)
    platform.admission.validate(call.admission("CREATE"), eviction)
    if not _ignores_budgets(pod):
        await _charge(platform, call, pod, dry_run=wanted.dry_run)
    await deleting.deleted(platform, dataclasses.replace(call, verb="delete", subresource=""), wanted)
    return respond.success(code=201)


def _ignores_budgets(pod: objects.Object) -> bool:
    """Pods that serve nobody: finished, not yet on a node, or already on their way out."""
    status = pod.get("status") or {}
    pending = status.get("phase") == "Pending" or not (pod.get("spec") or {}).get("nodeName")
    return status.get("phase") in _FINISHED or pending or bool(pod["metadata"].get("deletionTimestamp"))


async def _charge(platform: platforms.Platform, call: calls.Call, pod: objects.Object, *, dry_run: bool) -> None:
    for _ in range(pipeline.CONFLICT_ATTEMPTS):
        found = _budget(platform, call, pod)
        if found is None:
            return
        stored, budget = found
        if not _charged(budget, pod, platform.now()) or dry_run:
            return
        endpoint = platform.endpoint_of(builtins.POD_DISRUPTION_BUDGETS)
        draft = record.draft(budget, endpoint.strategy.selectable_fields(budget))
        try:
            await endpoint.records.update(stored.key, draft, stored.revision)
        except (cache_errors.Conflict, cache_errors.Missing):
            await asyncio.sleep(0)
            continue
        return
    raise _refusal(call.name, "the disruption budget changes too fast")


def _budget(
    platform: platforms.Platform, call: calls.Call, pod: objects.Object
) -> tuple[record.Record, objects.Object] | None:
    """The one budget the pod is under."""
    budgets = platform.endpoint_of(builtins.POD_DISRUPTION_BUDGETS).records
    own = objects.labels(pod)
    matching = []
    for stored in budgets.list(scope.Scope(call.cluster, call.namespace)).records:
        budget = stored.decode()
        if labels.from_label_selector((budget.get("spec") or {}).get("selector")).matches(own):
            matching.append((stored, budget))
    if len(matching) > 1:
        raise errors.internal(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
    return matching[0] if matching else None


def _charged(budget: objects.Object, pod: objects.Object, now: str) -> bool:
    """Charges the budget in place; False where the pod may go without. Raises 429."""
    spec, meta = budget.get("spec") or {}, budget["metadata"]
    status: dict[str, Any] = budget.setdefault("status", {})
    name = meta["name"]
    healthy, desired = status.get("currentHealthy") or 0, status.get("desiredHealthy") or 0
    if not conditions.is_true(pod, "Ready"):
        always = spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
        if always or (healthy >= desired and desired > 0):
            return False
    if (status.get("observedGeneration") or 0) < (meta.get("generation") or 0):
        raise _refusal(name, f"The disruption budget {name} is still being processed by the server.")
    disrupted: dict[str, str] = status.get("disruptedPods") or {}
    if len(disrupted) > _DISRUPTED_MAX:
        raise _refusal(name, f"The disruption budget {name} has too many pods on their way out already.")
    allowed = status.get("disruptionsAllowed") or 0
    if allowed <= 0:
        raise _refusal(name, f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently")
    status["disruptionsAllowed"] = allowed - 1
    status["disruptedPods"] = {**disrupted, objects.name(pod): now}
    return True


def _refusal(budget: str, message: str) -> errors.StatusError:
    error = errors.too_many_requests(
        "Cannot evict pod as it would violate the pod's disruption budget.", retry_after_seconds=_RETRY_SECONDS
    )
    error.details = {
        "name": budget,
        "retryAfterSeconds": _RETRY_SECONDS,
        "causes": [{"reason": "DisruptionBudget", "message": message}],
    }
    return error
