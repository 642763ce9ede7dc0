"""A pod that could not be created, told as an event on the object that wants it.

The refusal is raised again afterwards: what was counted is still written, and the object is tried later.
"""

from __future__ import annotations

from bascule.control.reconcile import events
from bascule.vocabulary import errors, objects


def tell(voice: events.Voice, owner: objects.Object, error: Exception, *, doing: str = "Error creating") -> None:
    """Records `FailedCreate` with the server's own words; a server that did not answer refused nothing."""
    if isinstance(error, errors.StatusError) and not is_for_the_end(error):
        voice.record(owner, events.WARNING, "FailedCreate", f"{doing}: {error.message}")


def is_for_the_end(error: errors.StatusError) -> bool:
    """Whether the namespace is going, and the object that wants the pod with it."""
    return error.code in (403, 404) and "being terminated" in error.message
