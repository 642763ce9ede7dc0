"""Whom we measure: where its API is, how we prove who we are, and the processes whose CPU counts."""

from __future__ import annotations

import argparse
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bascule.client import kubeconfig


@dataclass(frozen=True)
class Target:
    """``pids`` are the roots of process trees; empty where the server's CPU cannot be seen from here."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    token: str | None = None
    pids: tuple[int, ...] = ()

    def request(
        self, method: str, path: str, body: bytes = b"", *, media: str = "application/json", accept: str = "*/*"
    ) -> bytes:
        """The request as it goes over the wire."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}", f"Accept: {accept}"]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        if body:
            lines += [f"Content-Type: {media}", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body


def from_kubeconfig(path: Path, pids: tuple[int, ...]) -> Target:
    connection = kubeconfig.load(path)
    return _target(connection.server, connection.ssl_context, connection.token, pids)


def from_arguments(arguments: argparse.Namespace) -> Target | None:
    """The peer that the command line names; None where our own server is measured alone."""
    pids = tuple(int(pid) for pid in arguments.pids.split(",") if pid)
    if arguments.kubeconfig:
        return from_kubeconfig(arguments.kubeconfig, pids)
    if not arguments.url:
        return None
    context = None
    if arguments.url.startswith("https:"):
        context = ssl.create_default_context(cafile=arguments.ca)
        if arguments.cert:
            context.load_cert_chain(arguments.cert, arguments.key)
    return _target(arguments.url, context, arguments.token, pids)


def _target(url: str, tls: ssl.SSLContext | None, token: str | None, pids: tuple[int, ...]) -> Target:
    parts = urlsplit(url)
    return Target(parts.hostname or "127.0.0.1", parts.port or (443 if tls else 80), tls, token, pids)
