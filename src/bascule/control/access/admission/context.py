"""What plugins are given besides the request (reader, clock, randomness, authorizer), and how they refuse."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bascule.control.access import account_secrets, authorization, reader
from bascule.control.access.admission import request
from bascule.vocabulary import clock, errors, objects

_REMEMBERED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Context:
    source: reader.Reader
    authorizer: authorization.Authorizer
    time: clock.Clock
    random: random.Random
    filler: account_secrets.Filler | None = None
    _listed: dict[tuple[str, str, str, str | None], tuple[int, Sequence[objects.Object]]] = field(default_factory=dict)

    def listed(self, group: str, plural: str, cluster: str, namespace: str | None) -> Sequence[objects.Object]:
        """As the reader's `list`, remembered until something of the resource changes: for what seldom does."""
        key, revision = (group, plural, cluster, namespace), self.source.revision(group, plural)
        known = self._listed.get(key)
        if known is not None and known[0] == revision:
            return known[1]
        if len(self._listed) >= _REMEMBERED_MAX:
            self._listed.clear()
        found = self.source.list(group, plural, cluster, namespace)
        self._listed[key] = (revision, found)
        return found

    def namespace(self, asked: request.AdmissionRequest) -> objects.Object | None:
        """That of the write, as it was when it was first asked for."""
        if asked.within is None:
            asked.within = self.source.get("", "namespaces", asked.cluster, "", asked.namespace)
        return asked.within


Mutate = Callable[[Context, request.AdmissionRequest, objects.Object], bool | None]
"""True where what was added may lack defaults."""
Validate = Callable[[Context, request.AdmissionRequest, objects.Object | None], None]


def spec_of(obj: objects.Object) -> dict[str, Any]:
    """The spec, to be written to; an absent or null one is made."""
    spec: dict[str, Any] | None = obj.get("spec")
    if spec is None:
        spec = obj["spec"] = {}
    return spec


def forbid(asked: request.AdmissionRequest, text: str) -> errors.StatusError:
    """The 403 as upstream words it: `pods "x" is forbidden: text`."""
    return errors.forbidden(text, resource=asked.resource.qualified, name=asked.name)
