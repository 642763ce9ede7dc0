"""The account that every namespace gets from a controller may be a moment late: a pod that needs it waits a little."""

from __future__ import annotations

from typing import Final

from bascule.control.access.admission import service_account
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.vocabulary import builtins, objects

_ATTEMPTS: Final = 10
_PAUSE_SECONDS: Final = 0.1


async def arrive(platform: platforms.Platform, call: calls.Call, obj: objects.Object) -> None:
    """Returns once the account is there, or after a second; admission then refuses the pod."""
    if call.resource is not builtins.PODS or service_account.named(obj) != service_account.DEFAULT:
        return
    get = platform.reader.get
    for _ in range(_ATTEMPTS):
        if get("", "serviceaccounts", call.cluster, call.namespace, service_account.DEFAULT) is not None:
            return
        namespace = get("", "namespaces", call.cluster, "", call.namespace)
        if namespace is None or objects.deletion_timestamp(namespace):
            return
        await platform.time.sleep(_PAUSE_SECONDS)
