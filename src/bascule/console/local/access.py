"""How this installation's console gets in, and how its nodes do: the admin's client, bootstrap tokens."""

from __future__ import annotations

import secrets
import string

from bascule.bridge.identity import faults, nodes
from bascule.client import kubeconfig
from bascule.client.api import Client
from bascule.console.local import plan
from bascule.console.local.choices import BringUpError
from bascule.console.local.layout import Installation, Layout
from bascule.vocabulary import builtins, errors
from bascule.vocabulary.clock import SystemClock
from bascule.vocabulary.objects import Object


def client_of(layout: Layout) -> Client:
    """A client with the admin's identity."""
    return Client(kubeconfig.load(layout.admin_kubeconfig))


async def provide_tokens(api: Client, installation: Installation, layout: Layout) -> None:
    """A bootstrap token for each node that has not joined yet, in a file only it reads."""
    hollow = bool(installation.hollow_count)
    for name in ["hollow"] if hollow else [node.name for node in installation.nodes]:
        path = plan.token_file(layout, name)
        if not _needs_token(layout, name):
            continue
        secret, token = bootstrap_token(f"first start of {name}", reusable=hollow)
        try:
            await api.create(builtins.SECRETS, secret)
        except errors.StatusError as error:
            raise BringUpError(f"the API server refused a bootstrap token: {error.message}") from error
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_text(token + "\n")


def _needs_token(layout: Layout, name: str) -> bool:
    """Whether the node cannot get in with what it has: no certificate and no token yet, or an expired certificate."""
    try:
        held = nodes.load(layout.node(name))
    except faults.IdentityError:
        return True
    if held is not None:
        return held.expired(SystemClock())
    return not plan.token_file(layout, name).exists()


def bootstrap_token(description: str, *, reusable: bool = False) -> tuple[Object, str]:
    """A Secret of type bootstrap.kubernetes.io/token for kube-system, and the token ``id.secret`` it stands for."""
    alphabet = string.ascii_lowercase + string.digits
    identity, secret = ("".join(secrets.choice(alphabet) for _ in range(length)) for length in (6, 16))
    manifest: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"bootstrap-token-{identity}",
            "namespace": "kube-system",
            "annotations": {"bascule.dev/single-use": "false" if reusable else "true"},
        },
        "type": "bootstrap.kubernetes.io/token",
        "stringData": {
            "token-id": identity,
            "token-secret": secret,
            "description": description,
            "usage-bootstrap-authentication": "true",
            "usage-bootstrap-signing": "true",
        },
    }
    return manifest, f"{identity}.{secret}"
