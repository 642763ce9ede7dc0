"""What plugins are given besides the request (reader, clock, randomness, authorizer), and how they refuse."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from bascule.control.access import authorization, reader
from bascule.control.access.admission import request
from bascule.vocabulary import clock, errors, objects


@dataclass(frozen=True, slots=True)
class Context:
    source: reader.Reader
    authorizer: authorization.Authorizer
    time: clock.Clock
    random: random.Random

    def namespace(self, asked: request.AdmissionRequest) -> objects.Object | None:
        return self.source.get("", "namespaces", asked.cluster, "", asked.namespace)


Mutate = Callable[[Context, request.AdmissionRequest, objects.Object], None]
Validate = Callable[[Context, request.AdmissionRequest, objects.Object | None], None]


def forbid(asked: request.AdmissionRequest, text: str) -> errors.StatusError:
    """The 403 as upstream words it: `pods "x" is forbidden: text`."""
    return errors.forbidden(text, resource=asked.resource.qualified, name=asked.name)
