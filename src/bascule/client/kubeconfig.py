"""Reads a kubeconfig file into a `Connection`: where the API server is and how we prove who we are.

Understands inline data and files (relative to the kubeconfig), bearer tokens and token files, client certificates.
It does not run exec plugins or auth providers: components of the platform carry certificates.
"""

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class KubeconfigError(Exception):
    """The file cannot be used; the message says why and names the file."""


@dataclass(frozen=True)
class Connection:
    """`server` is the base URL without a trailing slash; `ssl_context` is None for plain HTTP."""

    server: str
    ssl_context: ssl.SSLContext | None = None
    token: str | None = None


def load(path: str | os.PathLike[str], *, context: str | None = None) -> Connection:
    """The connection of `context` (default: the file's current context). Raises `KubeconfigError`."""
    file = Path(path)
    try:
        document = yaml.safe_load(file.read_text())
    except OSError as error:
        raise KubeconfigError(f"cannot read kubeconfig {file}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise KubeconfigError(f"kubeconfig {file} is not YAML: {error}") from error
    if not isinstance(document, dict):
        raise KubeconfigError(f"kubeconfig {file} is not a mapping")
    return from_document(document, directory=file.parent, context=context)


def from_document(document: Mapping[str, Any], *, directory: Path, context: str | None = None) -> Connection:
    """The same from a decoded document; `directory` is what relative file names are relative to."""
    wanted = context or document.get("current-context") or ""
    chosen = _entry(document, "contexts", "context", wanted)
    cluster = _entry(document, "clusters", "cluster", chosen.get("cluster", ""))
    user = _entry(document, "users", "user", chosen["user"]) if chosen.get("user") else {}
    server = str(cluster.get("server", "")).rstrip("/")
    if not server:
        raise KubeconfigError(f"kubeconfig: cluster {chosen.get('cluster')!r} has no server")
    context_tls = _tls(cluster, user, directory) if server.startswith("https:") else None
    return Connection(server, context_tls, _token(user, directory))


def _entry(document: Mapping[str, Any], plural: str, singular: str, name: str) -> dict[str, Any]:
    for entry in document.get(plural) or ():
        if entry.get("name") == name:
            return dict(entry.get(singular) or {})
    raise KubeconfigError(f"kubeconfig: no {singular} named {name!r}")


def _token(user: Mapping[str, Any], directory: Path) -> str | None:
    if user.get("token"):
        return str(user["token"])
    if user.get("tokenFile"):
        return (directory / str(user["tokenFile"])).read_text().strip()
    return None


def _bytes(entry: Mapping[str, Any], field: str, directory: Path) -> bytes | None:
    """The content of `<field>-data` (base64) or of the file named by `<field>`."""
    inline = entry.get(f"{field}-data")
    if inline:
        return base64.b64decode(inline)
    named = entry.get(field)
    if not named:
        return None
    try:
        return (directory / str(named)).read_bytes()
    except OSError as error:
        raise KubeconfigError(f"kubeconfig: cannot read {field} {named}: {error.strerror}") from error


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], directory: Path) -> ssl.SSLContext:
    authority = _bytes(cluster, "certificate-authority", directory)
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    # Certificates of private authorities often lack key identifiers that Python 3.13 began to demand.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate = _bytes(user, "client-certificate", directory)
    key = _bytes(user, "client-key", directory)
    if certificate and key:
        _load_pair(context, certificate, key)
    return context


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    # The ssl module reads certificates from files only; this one is private and gone at once.
    with tempfile.TemporaryDirectory(prefix="bascule-") as directory:
        pair = Path(directory) / "pair.pem"
        pair.touch(mode=0o600)
        pair.write_bytes(certificate.rstrip() + b"\n" + key)
        try:
            context.load_cert_chain(pair)
        except ssl.SSLError as error:
            raise KubeconfigError(f"kubeconfig: client certificate and key do not fit: {error}") from error


def authority(path: str | os.PathLike[str]) -> str:
    """The PEM bundle by which the current context's server is trusted; empty if the file names none."""
    file = Path(path)
    try:
        document = yaml.safe_load(file.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise KubeconfigError(f"cannot read kubeconfig {file}: {error}") from error
    chosen = _entry(document, "contexts", "context", document.get("current-context") or "")
    cluster = _entry(document, "clusters", "cluster", chosen.get("cluster", ""))
    return (_bytes(cluster, "certificate-authority", file.parent) or b"").decode()
