"""Names of resources: which are the platform's own, which are extended, what may be asked for where."""

from __future__ import annotations

from functools import lru_cache

from bascule.control.kinds import check
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors, names

_COMPUTE = frozenset(("cpu", "memory", "ephemeral-storage"))
_COUNTED = frozenset(
    (
        *("pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps"),
        *("persistentvolumeclaims", "services.nodeports", "services.loadbalancers"),
    )
)
_QUOTA = frozenset(
    (
        *_COMPUTE,
        *_COUNTED,
        *(f"{side}.{name}" for side in ("requests", "limits") for name in _COMPUTE),
        "requests.storage",
    )
)
_STANDARD = _QUOTA | {"storage"}
_HUGE = "hugepages-"


def is_huge(name: str) -> bool:
    return name.startswith(_HUGE)


def is_native(name: str) -> bool:
    """The platform's own: without a prefix, or with one of kubernetes.io."""
    return "/" not in name or "kubernetes.io/" in name


def overcommits(name: str) -> bool:
    """Whether a request may be less than the limit."""
    return is_native(name) and not is_huge(name)


@lru_cache(maxsize=1024)
def _is_extended(name: str) -> bool:
    return not is_native(name) and not name.startswith("requests.") and not names.is_qualified_name(f"requests.{name}")


def is_quota(name: str) -> bool:
    """A standard name that a quota counts."""
    return name in _QUOTA or name.startswith((_HUGE, f"requests.{_HUGE}"))


@lru_cache(maxsize=1024)
def problems(name: str) -> tuple[str, ...]:
    """Of any resource's name."""
    found = names.is_qualified_name(name)
    if not found and "/" not in name and name not in _STANDARD and not is_quota(name):
        found = ["must be a standard resource type or fully qualified"]
    return tuple(found)


@lru_cache(maxsize=1024)
def container_problems(name: str) -> tuple[str, ...]:
    """Of what a container may ask for."""
    found = problems(name)
    if "/" not in name:
        if name not in _COMPUTE and not is_huge(name):
            return (*found, "must be a standard resource for containers")
    elif not is_native(name) and not _is_extended(name):
        return (*found, "doesn't follow extended resource name standard")
    return found


@lru_cache(maxsize=1024)
def quota_problems(name: str) -> tuple[str, ...]:
    """Of what a quota may limit."""
    found = problems(name)
    if "/" not in name and not is_quota(name):
        return (*found, "must be a standard resource for quota")
    return found


def amount_problems(path: str, name: str, value: object) -> Causes:
    """An amount of a resource: not negative, and whole where only whole ones exist."""
    amount = check.milli(value) if type(value) in (str, int, float) else 0
    if amount is None or amount < 0:
        yield from check.quantity_value(path, str(value))
    if amount is not None and amount % 1000 and (name in _COUNTED or _is_extended(name)):
        yield errors.invalid_value(path, str(value), "must be an integer")
