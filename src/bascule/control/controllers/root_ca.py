"""Every living namespace has the ConfigMap `kube-root-ca.crt`, so that pods can trust the API server."""

from bascule.control.reconcile import manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, errors, objects

NAME = "kube-root-ca.crt"
_DESCRIPTION = {"kubernetes.io/description": "Contains a CA bundle that can be used to verify the API server."}


def decide(namespace: objects.Object | None, present: objects.Object | None, bundle: str) -> objects.Object | None:
    """The ConfigMap as it should be written, or None if nothing is to do."""
    if namespace is None or objects.deletion_timestamp(namespace) is not None:
        return None
    if present is None:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME, "namespace": objects.name(namespace), "annotations": _DESCRIPTION},
            "data": {"ca.crt": bundle},
        }
    if present.get("data") == {"ca.crt": bundle}:
        return None
    return {**objects.deep_copy(present), "data": {"ca.crt": bundle}}


class RootCa:
    """Requests name namespaces. Without a bundle it does nothing."""

    def __init__(self, boss: manager.Manager, bundle: str) -> None:
        self._client = boss.client
        self._bundle = bundle
        self._namespaces = boss.informer(builtins.NAMESPACES)
        self._maps = boss.informer(builtins.CONFIG_MAPS, field_selector=f"metadata.name={NAME}")
        self.controller = boss.controller("root-ca", self.reconcile, of=builtins.NAMESPACES)
        self.controller.watch(self._namespaces)
        self.controller.watch(self._maps, _namespace_of)

    async def reconcile(self, request: Request) -> outcome.Outcome:
        if not self._bundle:
            return outcome.DONE
        present = self._maps.store.get(Request(request.cluster, request.name, NAME))
        wanted = decide(self._namespaces.store.get(request), present, self._bundle)
        if wanted is None:
            return outcome.DONE
        if present is not None:
            await self._client.update(builtins.CONFIG_MAPS, wanted)
            return outcome.DONE
        try:
            await self._client.create(builtins.CONFIG_MAPS, wanted, cluster=request.cluster)
        except errors.StatusError as error:
            if error.code not in (403, 404, 409):  # Terminating, gone, or there already.
                raise
        return outcome.DONE


def _namespace_of(type_: str, old: objects.Object | None, new: objects.Object | None) -> list[Request]:
    current = new or old
    return [Request(objects.cluster(current), "", objects.namespace(current))] if current else []
