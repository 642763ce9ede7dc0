"""Every living namespace has a ServiceAccount `default`."""

from bascule.control.reconcile import controller, manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, errors, objects

NAME = "default"


def decide(namespace: objects.Object | None, account: objects.Object | None) -> bool:
    """Whether it must be made."""
    if namespace is None or objects.deletion_timestamp(namespace) is not None:
        return False
    return account is None


class ServiceAccounts:
    """Requests name namespaces."""

    def __init__(self, boss: manager.Manager) -> None:
        self._client = boss.client
        self._namespaces = boss.informer(builtins.NAMESPACES)
        self._accounts = boss.informer(builtins.SERVICE_ACCOUNTS)
        self.controller = boss.controller("serviceaccounts", self.reconcile, of=builtins.NAMESPACES)
        self.controller.watch(self._namespaces)
        self.controller.watch(self._accounts, namespace_if_gone(NAME))

    async def reconcile(self, request: Request) -> outcome.Outcome:
        account = self._accounts.store.get(Request(request.cluster, request.name, NAME))
        if decide(self._namespaces.store.get(request), account):
            body = {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": NAME, "namespace": request.name},
            }
            try:
                await self._client.create(builtins.SERVICE_ACCOUNTS, body, cluster=request.cluster)
            except errors.StatusError as error:
                if error.code not in (403, 404, 409):  # Terminating, gone, or there already.
                    raise
        return outcome.DONE


def namespace_if_gone(name: str) -> controller.Mapping:
    """Maps the loss of the object of that name to its namespace."""

    def mapping(type_: str, old: objects.Object | None, new: objects.Object | None) -> list[Request]:
        if new is not None or old is None or objects.name(old) != name:
            return []
        return [Request(objects.cluster(old), "", objects.namespace(old))]

    return mapping
