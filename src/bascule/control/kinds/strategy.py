"""What a kind may decide about its own objects.

A `Strategy` is a bundle of pure functions over plain dicts. The API server calls them in this order:

    create   default → (admission) → prepare_create → (default again) → validate
    update   default → (admission, default again) → prepare_update → validate, validate_update
    status   default → prepare_status → validate_status

A kind without behaviour uses the generic strategy; others are made from it with `dataclasses.replace`.
Functions change their first argument in place or return causes; none does I/O or keeps state, and an
explicit null is the same as an absent field everywhere. Metadata that every kind shares (uid, resourceVersion,
creationTimestamp, managedFields) belongs to the API server.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object


class Context(NamedTuple):
    """What a preparation may know besides the objects: the time and a source of randomness."""

    now: datetime
    random: random.Random


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the printed table; `priority` 0 is always shown, 1 only with `-o wide`."""

    name: str
    type: str = "string"
    format: str = ""
    priority: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the scale subresource reads and writes: dotted paths from the object's root.

    `selector` names a label selector (an object), or a plain map of labels for ReplicationController.
    """

    spec_replicas: str = "spec.replicas"
    status_replicas: str = "status.replicas"
    selector: str = "spec.selector"


Default = Callable[[Object], None]
PrepareCreate = Callable[[Object, Context], None]
PrepareUpdate = Callable[[Object, Object, Context], None]
Validate = Callable[[Object], list[errors.Cause]]
ValidateUpdate = Callable[[Object, Object], list[errors.Cause]]
UpdateRules = Callable[[Object, Object], Iterable[errors.Cause]]
SelectableFields = Callable[[Object], dict[str, str]]
Cells = Callable[[Object, datetime], list[Any]]
Warnings = Callable[[Object], list[str]]


@dataclass(frozen=True, slots=True)
class Strategy:
    """One kind's behaviour; see the module's docstring for the order of calls."""

    default: Default
    """Fill in what the user left out, in place; idempotent."""
    prepare_create: PrepareCreate
    """What it adds may lack defaults, unless the kind `prepares_whole`."""
    prepare_update: PrepareUpdate
    """`(new, old, context)`: what a plain update may not touch is taken from `old`."""
    prepare_status: PrepareUpdate
    """`(new, old, context)`: what a status update may not touch is taken from `old`."""
    validate: Validate
    """All of the object's own rules, metadata included."""
    validate_update: ValidateUpdate
    """`(new, old)`: immutability; called besides `validate`."""
    validate_status: ValidateUpdate
    """`(new, old)`: the rules of the status subresource, metadata included; called alone."""
    selectable_fields: SelectableFields
    columns: tuple[Column, ...]
    cells: Cells
    """One printed row, as many cells as `columns`."""
    warnings: Warnings

    validate_create: Validate | None = None
    """Called instead of `validate` for a new object, where creation has rules of its own."""
    review: Callable[[Object], tuple[list[errors.Cause], list[str]]] | None = None
    """`validate_create` and `warnings` of a new object at once, where that is cheaper than one after the other."""
    prepares_whole: bool = False
    """Defaults are not filled in again after `prepare_create`, unless admission left some out."""
    doors: Mapping[str, UpdateRules] = field(default_factory=dict)
    """`(new, old)` of subresources that change a part of the object, called besides `validate`."""
    warns_on_update: bool = True
    """Warnings are said of updates too: of any, or with `generation` of those that make a new one."""
    update_warnings: Callable[[Object, Object], list[str]] | None = None
    """`(new, old)`: said of an update instead of `warnings`, where it depends on what there was before."""
    generation: bool = False
    """`metadata.generation` is 1 at creation and grows with each change of the desired state."""
    status: bool = False
    """The kind has a status subresource."""
    defaults_status: bool = False
    """`default` fills in the status too: where it does not, a write of the status alone needs no defaults."""
    status_keeps_labels: bool = False
    """Labels cannot be changed through it."""
    created_with_status: bool = False
    """Who creates an object may give it a status, and owns that."""
    create_on_update: bool = False
    """A PUT to a name that does not exist creates it."""
    unconditional_update: bool = True
    """A PUT without `resourceVersion` is accepted."""
    graceful_delete: bool = False
    """Deletion waits for a grace period (`grace_period_seconds`)."""
    deprecated: str = ""
    """What every answer about the kind warns of."""
    needs_allocation: bool = False
    """The API server must allocate addresses and ports before it validates (Service)."""
    scale: Scale | None = None
    delete_returns_object: bool = False
    """A DELETE answers with the deleted object rather than a Status."""
    update_validates_alone: bool = False
    """`validate_update` says everything there is to say about an update; `validate` is not called besides it."""
    is_slow: Callable[[], bool] | None = None
    """For kinds whose functions run what users wrote: whether these are known to take long. All raise TooLongError
    where they would exceed an `effort`. None: never."""


FORGIVEN = "Forgiven"
"""The type of a cause that is no refusal: what is wrong was so before the update, and whoever wrote is warned of it."""


def grace_period_seconds(obj: Object) -> int:
    """The grace an object asks for itself when a delete does not say: a pod's own, 30 s unless set."""
    spec = obj.get("spec") or {}
    seconds = spec.get("terminationGracePeriodSeconds")
    return 30 if seconds is None else int(seconds)
