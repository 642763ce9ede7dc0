"""When a node refuses what it is told: the rules that keep an outage of the mind from becoming one of the body.

A state from another store, from before what is known, or one that would empty the node in passing, changes
nothing. Pure: the ledger asks within its transaction, the simulation asks the same questions.
"""

from __future__ import annotations

import msgspec

from bascule.bridge import messages
from bascule.vocabulary import objects

MASS_REMOVAL_MINIMUM = 20
"""Fewer removals than this in one step need no confirmation, unless nothing of the kind would be left."""


def position_objection(known: messages.Position | None, offered: messages.Position) -> messages.Refused | None:
    """`known` is the position of this kind, or of any kind of the same ledger while this one has none."""
    if known is None:
        return None
    if offered.installation != known.installation:
        return messages.Refused(
            messages.Objection.POSITION,
            f"state of installation {offered.installation} refused: this node belongs to {known.installation}; "
            "to move the node, give it a new data directory",
        )
    if offered.epoch < known.epoch:
        return messages.Refused(
            messages.Objection.POSITION,
            f"state of epoch {offered.epoch} refused: epoch {known.epoch} is known; "
            "the control plane serves a store from before its last restore",
        )
    if offered.epoch == known.epoch and offered.generation < known.generation:
        return messages.Refused(
            messages.Objection.POSITION,
            f"state of generation {offered.generation} refused: generation {known.generation} is known",
        )
    return None


def removal_objection(held: int, removed: int, remaining: int) -> messages.Refused | None:
    """Counts of one kind: what is held, how much of it would go, and what would be left after the puts."""
    empties = remaining == 0 and removed >= 2
    mass = removed >= MASS_REMOVAL_MINIMUM and removed * 2 > held
    if not (empties or mass):
        return None
    return messages.Refused(
        messages.Objection.UNCONFIRMED,
        f"removal of {removed} of {held} objects in one step is not carried out until it has been confirmed",
    )


def content_objection(desired: messages.Desired) -> str | None:
    """Why this body cannot be the object it claims to be; None when it can."""
    try:
        decoded = desired.object()
        key = desired.key
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        return f"not an object: {error}"
    if not isinstance(decoded, dict) or not isinstance(decoded.get("metadata"), dict):
        return "not an object: it has no metadata"
    if objects.name(decoded) != key.name or objects.namespace(decoded) != key.namespace:
        return f"the object is {objects.namespace(decoded)}/{objects.name(decoded)}, announced as {desired.name}"
    return None
