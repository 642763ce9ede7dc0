"""pods/eviction: a deletion that disruption budgets may refuse.

The budget is charged before the pod is deleted, with the budget's version checked, so that concurrent evictions
never take more than it allows.
"""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from bascule.control.api import body, deletion, options, pipeline
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.verbs import deleting
from bascule.control.api.wire import respond
from bascule.control.cache import errors as cache_errors
from bascule.control.cache import record, scope
from bascule.control.schema import catalog, types
from bascule.vocabulary import builtins, conditions, errors, labels, objects, timestamps

_DISRUPTED_MAX: Final = 2000
_RETRY_SECONDS: Final = 10
_SERVE_NOBODY: Final = ("Succeeded", "Failed", "Pending")
_BUDGET: Final = "poddisruptionbudget.policy"


async def evict(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """201 with a Status; 429 when a budget does not allow it now."""
    schema = catalog.schema_of("policy/v1", "Eviction") or types.ANYTHING
    eviction = await body.read(call, api_version="policy/v1", kind="Eviction", schema=schema)
    if (eviction.get("metadata") or {}).get("name") not in (None, "", call.name):
        raise errors.bad_request("name in URL does not match name in Eviction object")
    stored = call.endpoint.records.get(call.key)
    if stored is None:
        raise call.not_found()
    pod = call.endpoint.decode(stored)
    wanted = deletion.wish(options.Parameters(""), eviction.get("deleteOptions"))
    if call.options.dry_run:
        wanted = wanted._replace(dry_run=True)
    deletion.check_preconditions(wanted, pod, call.resource)
    platform.admission.validate(call.admission("CREATE"), eviction)
    if not _ignores_budgets(pod):
        await _charge(platform, call, pod, dry_run=wanted.dry_run)
    if not wanted.dry_run:
        await _condemn(platform, call)
        wanted = wanted._replace(resource_version=None)
    await deleting.deleted(platform, dataclasses.replace(call, verb="delete", subresource=""), wanted)
    return respond.success(code=201)


def _ignores_budgets(pod: objects.Object) -> bool:
    """Pods that serve nobody: finished, not started, or already on their way out."""
    phase = (pod.get("status") or {}).get("phase")
    return phase in _SERVE_NOBODY or bool(pod["metadata"].get("deletionTimestamp"))


async def _condemn(platform: platforms.Platform, call: calls.Call) -> None:
    """Says in the pod's conditions who ends it, for those who wonder why it failed."""
    endpoint = call.endpoint
    for _ in range(pipeline.CONFLICT_ATTEMPTS):
        stored = endpoint.records.get(call.key)
        if stored is None:
            return
        await endpoint.ready(stored)
        pod = endpoint.decode(stored)
        status: dict[str, Any] = pod.setdefault("status", {})
        listed = status["conditions"] = status.get("conditions") or []
        message = "Eviction API: evicting"
        now = platform.time.now()
        if not conditions.set_condition(listed, "DisruptionTarget", "True", "EvictionByEvictionAPI", message, now):
            return
        try:
            await endpoint.records.update(stored.key, await pipeline.encoded(call, pod), stored.revision)
        except cache_errors.Missing:
            return
        except cache_errors.Conflict:
            await asyncio.sleep(0)
            continue
        return


async def _charge(platform: platforms.Platform, call: calls.Call, pod: objects.Object, *, dry_run: bool) -> None:
    name = ""
    for _ in range(pipeline.CONFLICT_ATTEMPTS):
        found = _budget(platform, call, pod)
        if found is None:
            return
        stored, budget = found
        name = objects.name(budget)
        if not _charged(budget, pod, platform.time.now()) or dry_run:
            return
        endpoint = platform.endpoint_of(builtins.POD_DISRUPTION_BUDGETS)
        draft = record.draft(budget, endpoint.strategy.selectable_fields(budget))
        try:
            await endpoint.records.update(stored.key, draft, stored.revision)
        except (cache_errors.Conflict, cache_errors.Missing):
            await asyncio.sleep(0)
            continue
        return
    raise errors.timeout(
        f'couldn\'t update PodDisruptionBudget "{name}" due to conflicts', retry_after_seconds=_RETRY_SECONDS
    )


def _budget(
    platform: platforms.Platform, call: calls.Call, pod: objects.Object
) -> tuple[record.Record, objects.Object] | None:
    """The one budget the pod is under."""
    budgets = platform.endpoint_of(builtins.POD_DISRUPTION_BUDGETS).records
    own = objects.labels(pod)
    matching = []
    for stored in budgets.list(scope.Scope(call.cluster, call.namespace)).records:
        budget = stored.decode()
        try:
            selector = labels.from_label_selector((budget.get("spec") or {}).get("selector"))
        except errors.StatusError:
            continue  # one that cannot be read chooses nothing
        if selector.matches(own):
            matching.append((stored, budget))
    if len(matching) > 1:
        message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise errors.StatusError(500, "", message)
    return matching[0] if matching else None


def _charged(budget: objects.Object, pod: objects.Object, now: datetime) -> bool:
    """Charges the budget in place; False where the pod may go without. Raises 429, or 403 for a budget out of order."""
    spec, meta = budget.get("spec") or {}, budget["metadata"]
    status: dict[str, Any] = budget.setdefault("status", {})
    name = meta["name"]
    healthy, desired = status.get("currentHealthy") or 0, status.get("desiredHealthy") or 0
    if not conditions.is_true(pod, "Ready"):
        always = spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
        if always or (healthy >= desired and desired > 0):
            return False
    if (status.get("observedGeneration") or 0) < (meta.get("generation") or 0):
        message = f"The disruption budget {name} is still being processed by the server."
        raise _refusal(message, retry_after_seconds=_RETRY_SECONDS)
    allowed = status.get("disruptionsAllowed") or 0
    if allowed < 0:
        raise errors.forbidden("pdb disruptions allowed is negative", resource=_BUDGET, name=name)
    disrupted: dict[str, str] = status.get("disruptedPods") or {}
    if len(disrupted) > _DISRUPTED_MAX:
        message = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise errors.forbidden(message, resource=_BUDGET, name=name)
    if allowed == 0:
        raise _refusal(_exhausted(name, status, desired, healthy))
    status["disruptionsAllowed"] = allowed - 1
    if allowed == 1:
        listed = status["conditions"] = status.get("conditions") or []
        conditions.set_condition(listed, "DisruptionAllowed", "False", "InsufficientPods", "", now)
    status["disruptedPods"] = {**disrupted, objects.name(pod): timestamps.format(now)}
    return True


def _exhausted(name: str, status: objects.Object, desired: int, healthy: int) -> str:
    condition = conditions.find(status.get("conditions"), "DisruptionAllowed") or {}
    if condition.get("reason") == "SyncFailed" and condition.get("status") == "False":
        why = condition.get("message") or ""
        return f"The disruption budget {name} does not allow evicting pods currently because it failed sync: {why}"
    return f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"


def _refusal(message: str, *, retry_after_seconds: int = 0) -> errors.StatusError:
    """Without a time to wait, so that who asks is told at once and decides when to ask again."""
    error = errors.too_many_requests(
        "Cannot evict pod as it would violate the pod's disruption budget.", retry_after_seconds=retry_after_seconds
    )
    error.details = {"causes": [{"reason": "DisruptionBudget", "message": message}]}
    if retry_after_seconds:
        error.details["retryAfterSeconds"] = retry_after_seconds
    return error
