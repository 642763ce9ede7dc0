"""Kinds that are checked and stored although nothing acts on them yet: who creates one is warned of that.

Only a creation is: whoever updates it has been told. When something acts on a kind, its row goes.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from bascule.control.kinds import shape
from bascule.control.kinds.strategy import Strategy
from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object

_ADMISSION: Final = "admissionregistration.k8s.io"
_WEBHOOKS: Final = "admission webhooks are not called yet: this one is stored and has no effect"
_POLICIES: Final = "admission policies are not applied yet: this one is stored and has no effect"
_BINDINGS: Final = "admission policies are not applied yet: this binding is stored and has no effect"
TEXTS: Final = {
    (_ADMISSION, "mutatingadmissionpolicies"): _POLICIES,
    (_ADMISSION, "mutatingadmissionpolicybindings"): _BINDINGS,
    (_ADMISSION, "mutatingwebhookconfigurations"): _WEBHOOKS,
    (_ADMISSION, "validatingadmissionpolicybindings"): _BINDINGS,
    (_ADMISSION, "validatingwebhookconfigurations"): _WEBHOOKS,
    ("apiregistration.k8s.io", "apiservices"): (
        "requests are not passed on to other API servers yet: this one is stored and never available"
    ),
    ("autoscaling", "horizontalpodautoscalers"): "nothing is scaled by this yet: it is stored and has no effect",
    (
        "networking.k8s.io",
        "networkpolicies",
    ): "nothing enforces network policies yet: this one is stored and has no effect",
}


def told(group: str, plural: str, kind: Strategy) -> Strategy:
    """The strategy of a kind, which warns where nothing acts on the kind."""
    text = TEXTS.get((group, plural))
    if text is None:
        return kind

    def warnings(obj: Object) -> list[str]:
        return [*([] if _is_served(obj) else [text]), *kind.warnings(obj)]

    def update_warnings(new: Object, old: Object) -> list[str]:
        changes = not kind.generation or objects.generation(new) != objects.generation(old)
        return kind.warnings(new) if changes else []

    return dataclasses.replace(kind, warnings=warnings, update_warnings=update_warnings)


def _is_served(obj: Object) -> bool:
    """An APIService of the server's own."""
    return obj.get("kind") == "APIService" and type(shape.mapping(obj, "spec").get("service")) is not dict
