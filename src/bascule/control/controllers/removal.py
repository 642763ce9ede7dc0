"""Deleting a pod that a controller no longer wants: exactly the one it saw, and nothing of the same name."""

from bascule.client import api
from bascule.vocabulary import builtins, errors, objects


async def delete_pod(client: api.Client, pod: objects.Object) -> bool:
    """False when that pod is gone already or another has taken its name; other refusals are raised."""
    cluster, namespace, name = objects.key(pod)
    try:
        await client.delete(builtins.PODS, name, namespace=namespace, cluster=cluster, uid=objects.uid(pod))
    except errors.StatusError as error:
        if error.code in (404, 409):
            return False
        raise
    return True
