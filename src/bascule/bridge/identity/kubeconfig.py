"""Kubeconfig files with everything inside: one file is one identity."""

import base64
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from bascule.bridge.identity import faults, files

# The C implementation where there is one: these files are read and written at every start.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Final[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Contents(NamedTuple):
    server: str
    ca_pem: bytes
    cert_pem: bytes
    key_pem: bytes


def write(path: Path, server: str, ca_pem: bytes, cert_pem: bytes, key_pem: bytes) -> None:
    """Atomically, readable by its owner only: it holds a private key."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bascule", "cluster": {"server": server, "certificate-authority-data": _encode(ca_pem)}}],
        "users": [
            {
                "name": "bascule",
                "user": {"client-certificate-data": _encode(cert_pem), "client-key-data": _encode(key_pem)},
            }
        ],
        "contexts": [{"name": "bascule", "context": {"cluster": "bascule", "user": "bascule"}}],
        "current-context": "bascule",
        "preferences": {},
    }
    files.write(path, yaml.dump(document, Dumper=_DUMPER, sort_keys=False).encode(), mode=files.KEY_MODE)


def read(path: Path) -> Contents:
    """Only files that `write` made. Raises IdentityError."""
    try:
        document = yaml.load(files.read(path), Loader=_LOADER)
        cluster = document["clusters"][0]["cluster"]
        user = document["users"][0]["user"]
        return Contents(
            cluster["server"],
            base64.b64decode(cluster["certificate-authority-data"]),
            base64.b64decode(user["client-certificate-data"]),
            base64.b64decode(user["client-key-data"]),
        )
    except (yaml.YAMLError, KeyError, IndexError, TypeError, ValueError) as error:
        raise faults.IdentityError(
            f"{path} is not a kubeconfig that Bascule wrote; remove it and start again"
        ) from error


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()
