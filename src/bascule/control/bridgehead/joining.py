"""Certificates for nodes: the bridgehead carries the request to the API, which alone decides.

A joining node's request is made with its bootstrap token as the bearer; a renewal in the node's own name.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from pathlib import Path
from typing import Any

from bascule.client import api, faults, kubeconfig
from bascule.control.bridgehead import acting
from bascule.vocabulary import builtins, conditions, errors, objects

SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
ISSUE_TIMEOUT_SECONDS = 10.0
LIFETIME_SECONDS_MIN, LIFETIME_SECONDS_MAX = 600, 2**31 - 1
"""What a request may say; how much of it is granted is the signer's business."""


class Denied(Exception):
    """No certificate; `code` is the HTTP status, the text says why and what to do."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Joining:
    def __init__(self, client: api.Client, server: str, ca: Path) -> None:
        self._client = client
        self._server = server
        self._ca = ca

    async def join(self, node: str, token: str, request_pem: bytes, lifetime_seconds: int | None = None) -> bytes:
        """The certificate. Raises Denied."""
        context = ssl.create_default_context(cafile=str(self._ca)) if self._server.startswith("https:") else None
        async with api.Client(kubeconfig.Connection(self._server, context, token)) as bearer:
            try:
                return await self._issue(bearer, node, request_pem, lifetime_seconds, {})
            except errors.StatusError as error:
                if error.code == 401:
                    raise Denied(401, error.message) from error
                raise Denied(error.code, f"the API server refused the request: {error.message}") from error
            except faults.Unreachable as error:
                raise Denied(503, "the API server does not answer; nodes can join once it does") from error

    async def renew(self, node: str, request_pem: bytes, lifetime_seconds: int | None = None) -> bytes:
        """Raises PermissionError."""
        try:
            return await self._issue(self._client, node, request_pem, lifetime_seconds, acting.as_node(node))
        except (errors.StatusError, faults.Unreachable, Denied) as error:
            raise PermissionError(f"not renewed: {error}") from error

    async def _issue(
        self, client: api.Client, node: str, request_pem: bytes, lifetime_seconds: int | None, actor: Any
    ) -> bytes:
        csr: objects.Object = {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"generateName": f"node-{node}-"},
            "spec": {
                "request": base64.b64encode(request_pem).decode(),
                "signerName": SIGNER,
                "usages": ["digital signature", "client auth"],
            },
        }
        if lifetime_seconds is not None:
            csr["spec"]["expirationSeconds"] = min(max(lifetime_seconds, LIFETIME_SECONDS_MIN), LIFETIME_SECONDS_MAX)
        csr = await client.create(builtins.CERTIFICATE_SIGNING_REQUESTS, csr, **actor)
        try:
            async with asyncio.timeout(ISSUE_TIMEOUT_SECONDS):
                while True:
                    certificate = _certificate(csr)
                    if certificate is not None:
                        return certificate
                    await asyncio.sleep(0.1)
                    name = objects.name(csr)
                    csr = await client.get(builtins.CERTIFICATE_SIGNING_REQUESTS, name, **actor)
        except TimeoutError as error:
            raise Denied(
                504, f"the request {objects.name(csr)} is neither approved nor denied; approve it, then join again"
            ) from error


def _certificate(csr: objects.Object) -> bytes | None:
    status = csr.get("status") or {}
    for type in ("Denied", "Failed"):
        condition = conditions.find(status.get("conditions"), type)
        if condition is not None:
            raise Denied(403, f"the request was {type.lower()}: {condition.get('message') or condition.get('reason')}")
    encoded = status.get("certificate")
    return base64.b64decode(encoded) if encoded else None
