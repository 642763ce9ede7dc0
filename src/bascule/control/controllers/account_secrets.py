"""Secrets that hold a service account's token go with their account; those that came first are filled when it comes.

The token itself is the API server's to sign: it completes such a Secret whenever one is written.
"""

from collections.abc import Sequence
from typing import Final, Literal

from bascule.control.reconcile import manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, errors, objects

TYPE: Final = "kubernetes.io/service-account-token"
NAME: Final = "kubernetes.io/service-account.name"
UID: Final = "kubernetes.io/service-account.uid"
_FIELDS: Final = ("token", "ca.crt", "namespace")


def decide(secret: objects.Object | None, account: objects.Object | None) -> Literal["", "delete", "fill"]:
    """What is to be done with a Secret of this type, given the account it names."""
    if secret is None or objects.deletion_timestamp(secret) is not None:
        return ""
    claimed = objects.annotations(secret).get(UID)
    if account is None or (claimed and claimed != objects.uid(account)):
        return "delete"
    data = secret.get("data") or {}
    return "" if claimed and all(data.get(field) for field in _FIELDS) else "fill"


class AccountSecrets:
    """Requests name Secrets."""

    def __init__(self, boss: manager.Manager) -> None:
        self._client = boss.client
        self._secrets = boss.informer(builtins.SECRETS, field_selector=f"type={TYPE}")
        self._accounts = boss.informer(builtins.SERVICE_ACCOUNTS)
        self._secrets.add_index("account", _account)
        self.controller = boss.controller("account-secrets", self.reconcile, of=builtins.SECRETS)
        self.controller.watch(self._secrets)
        self.controller.watch(self._accounts, self._of_account)

    def _of_account(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> Sequence[Request]:
        current = new or old
        if current is None or (old is not None and new is not None and objects.uid(old) == objects.uid(new)):
            return []
        return [objects.key(secret) for secret in self._secrets.by_index("account", objects.key(current))]

    async def reconcile(self, request: Request) -> outcome.Outcome:
        secret = self._secrets.store.get(request)
        if secret is None:
            return outcome.DONE
        (key,) = _account(secret)
        todo = decide(secret, self._accounts.store.get(key))
        try:
            if todo == "fill":
                await self._client.update(builtins.SECRETS, secret)
            elif todo == "delete" and decide(secret, await self._live(key)) == "delete":
                uid = objects.uid(secret)
                await self._client.delete(
                    builtins.SECRETS, request.name, namespace=request.namespace, cluster=request.cluster, uid=uid
                )
        except errors.StatusError as error:
            if error.code not in (404, 409):  # Gone, or changed: the change comes back here.
                raise
        return outcome.DONE

    async def _live(self, key: objects.Key) -> objects.Object | None:
        """The account as the server has it now: the copy here may be older than the Secret."""
        try:
            return await self._client.get(
                builtins.SERVICE_ACCOUNTS, key.name, namespace=key.namespace, cluster=key.cluster
            )
        except errors.StatusError as error:
            if error.code == 404:
                return None
            raise


def _account(secret: objects.Object) -> Sequence[objects.Key]:
    name = objects.annotations(secret).get(NAME) or ""
    return [objects.Key(objects.cluster(secret), objects.namespace(secret), name)]
