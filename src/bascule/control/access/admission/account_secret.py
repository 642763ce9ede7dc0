"""A Secret of a service account is handed out filled."""

from bascule.control.access import account_secrets
from bascule.control.access.admission import context, request
from bascule.vocabulary import objects


def mutate(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object) -> None:
    if held.filler is None or obj.get("type") != account_secrets.TYPE or asked.subresource:
        return
    name = objects.annotations(obj).get(account_secrets.NAME) or ""
    account = held.source.get("", "serviceaccounts", asked.cluster, asked.namespace, name)
    if account is not None and not objects.deletion_timestamp(account):
        held.filler.fill(obj, account)
