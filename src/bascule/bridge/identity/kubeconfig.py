"""Kubeconfig files with everything inside: one file is one identity."""

import base64
import re
from pathlib import Path
from typing import Final, NamedTuple

from bascule.bridge.identity import faults, files

_SERVER: Final = re.compile(rb"^( +server: )(.*)$", re.MULTILINE)


class Contents(NamedTuple):
    server: str
    ca_pem: bytes
    cert_pem: bytes
    key_pem: bytes


def write(path: Path, server: str, ca_pem: bytes, cert_pem: bytes, key_pem: bytes) -> None:
    """Atomically, readable by its owner only: it holds a private key."""
    import yaml

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
    files.write(path, yaml.dump(document, Dumper=yaml.SafeDumper, sort_keys=False).encode(), mode=files.KEY_MODE)


def read(path: Path) -> Contents:
    """Only files that `write` made. Raises IdentityError."""
    import yaml

    try:
        document = yaml.safe_load(files.read(path))
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


def point(path: Path, server: str) -> bool:
    """Has a file that `write` made name another server. Whether it was changed."""
    before = files.read(path)
    after = _SERVER.sub(lambda found: found[1] + server.encode(), before, count=1)
    if after != before:
        files.write(path, after, mode=files.KEY_MODE)
    return after != before


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()
