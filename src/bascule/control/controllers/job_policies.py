"""What a Job's own policies make of its pods' ends: which failures count, which index is lost, what is enough. Pure.

Failures of an index are counted in an annotation of its pods too, so that a pod that is gone stays counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bascule.control.controllers import pods as pod_facts
from bascule.vocabulary import conditions, objects

INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"


def index_of(pod: objects.Object) -> int:
    text = objects.annotations(pod).get(INDEX, "-1")
    return int(text) if text.isdigit() else -1


def indexes(text: str, completions: int) -> set[int]:
    """`1,3-5`, as far as it can be read and lies below the number of completions."""
    found: set[int] = set()
    for part in text.split(","):
        low, _, high = part.partition("-")
        if low.isdigit() and (not high or high.isdigit()):
            found.update(range(int(low), min(int(high or low), completions - 1) + 1))
    return found


def counted(job: objects.Object, own: Iterable[objects.Object]) -> list[objects.Object]:
    """Failed pods, but those whose failure the policy ignores."""
    failed = (pod for pod in own if pod_facts.status(pod).get("phase") == "Failed")
    return [pod for pod in failed if _judged(job, pod)[0] != "Ignore"]


def fatal(job: objects.Object, own: Iterable[objects.Object]) -> str:
    """Why the whole Job fails by the policy; empty when it does not."""
    failed = (pod for pod in own if pod_facts.status(pod).get("phase") == "Failed")
    judged = (_judged(job, pod) for pod in failed)
    return next((why for action, why in judged if action == "FailJob"), "")


def _judged(job: objects.Object, pod: objects.Object) -> tuple[str, str]:
    """The action of the first rule that fits, `Count` where none does; and what fitted."""
    rules = ((job.get("spec") or {}).get("podFailurePolicy") or {}).get("rules") or ()
    for place, rule in enumerate(rules):
        action = rule.get("action") or "Count"
        why = _exit(rule.get("onExitCodes"), pod) or _condition(rule.get("onPodConditions") or (), pod)
        if why:
            return action, f"{why} matching {action} rule at index {place}"
    return "Count", ""


def _exit(wanted: objects.Object | None, pod: objects.Object) -> str:
    if not wanted:
        return ""
    status, values = pod_facts.status(pod), wanted.get("values") or ()
    for one in (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())):
        code = ((one.get("state") or {}).get("terminated") or {}).get("exitCode") or 0
        named = wanted.get("containerName") in (None, one.get("name"))
        if code and named and (code in values) == (wanted.get("operator") == "In"):
            where = f"{objects.namespace(pod)}/{objects.name(pod)}"
            return f"Container {one.get('name')} for pod {where} failed with exit code {code}"
    return ""


def _condition(wanted: Iterable[objects.Object], pod: objects.Object) -> str:
    for each in wanted:
        found = conditions.find(pod_facts.status(pod).get("conditions"), each.get("type") or "")
        if found is not None and found.get("status") == (each.get("status") or "True"):
            return f"Pod {objects.namespace(pod)}/{objects.name(pod)} has condition {each.get('type')}"
    return ""


def by_index(job: objects.Object) -> bool:
    """Whether each index has a limit of failures of its own."""
    return (job.get("spec") or {}).get("backoffLimitPerIndex") is not None


def failures(job: objects.Object, own: Sequence[objects.Object]) -> dict[int, int]:
    """How often the pods of each index have failed."""
    failed = {objects.uid(pod) for pod in counted(job, own)}
    found: dict[int, int] = {}
    for pod in own:
        before = objects.annotations(pod).get(FAILURES, "0")
        total = (int(before) if before.isdigit() else 0) + (objects.uid(pod) in failed)
        found[index_of(pod)] = max(found.get(index_of(pod), 0), total)
    return found


def lost(job: objects.Object, own: Sequence[objects.Object]) -> set[int]:
    """Indexes that have failed for good."""
    spec, status = job.get("spec") or {}, job.get("status") or {}
    if not by_index(job):
        return set()
    limit, completions = int(spec["backoffLimitPerIndex"]), int(spec.get("completions") or 0)
    found = indexes(status.get("failedIndexes") or "", completions)
    found |= {index for index, times in failures(job, own).items() if 0 <= index < completions and times > limit}
    return found | {index_of(pod) for pod in counted(job, own) if _judged(job, pod)[0] == "FailIndex"}


def enough(job: objects.Object, succeeded: set[int]) -> str:
    """Which rule of the success policy is satisfied; empty for none."""
    spec = job.get("spec") or {}
    for place, rule in enumerate((spec.get("successPolicy") or {}).get("rules") or ()):
        named = rule.get("succeededIndexes")
        wanted = succeeded if named is None else indexes(named, int(spec.get("completions") or 0))
        count = rule.get("succeededCount")
        if len(wanted & succeeded) >= (len(wanted) if count is None else int(count)):
            return f"Matched rules at index {place}"
    return ""
