"""A data directory's identities: everything a fresh installation needs, made once, renewed when half its life is over.

What exists and is sound is kept. A lock lets several starting processes call `ensure` at the same time. A CA
certificate without its key is an error, never a reason to make another CA: nodes would no longer know the
installation.

What was examined once is sealed, and taken as sound until its bytes change or the first renewal is due: the libraries
that examine it, and `making` with them, are imported when there is something to do.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bascule.bridge.identity import files, kubeconfig, seal, token_keys
from bascule.vocabulary import clock

if TYPE_CHECKING:
    from bascule.bridge.identity import authority

ADMIN: Final = ("bascule-admin", ("system:masters",))
COMPONENTS: Final = {
    "controllers": "bascule:controllers",
    "scheduler": "system:kube-scheduler",
    "bridgehead": "bascule:bridgehead",
}
API_USER: Final = "bascule:api"
CLUSTER_DOMAIN: Final = "cluster.local"


@dataclass(frozen=True, slots=True)
class Pki:
    """Where everything is. `serving` pairs are for TLS servers, `api_client` is what the API shows the bridgehead."""

    directory: Path
    identities: Path
    admin_kubeconfig: Path

    @property
    def ca(self) -> Path:
        return self.directory / "ca.crt"

    @property
    def ca_key(self) -> Path:
        return self.directory / "ca.key"

    @property
    def api_serving(self) -> tuple[Path, Path]:
        return self.directory / "apiserver.crt", self.directory / "apiserver.key"

    @property
    def bridgehead_serving(self) -> tuple[Path, Path]:
        return self.directory / "bridgehead.crt", self.directory / "bridgehead.key"

    @property
    def api_client(self) -> tuple[Path, Path]:
        return self.directory / "api-client.crt", self.directory / "api-client.key"

    @property
    def service_account_key(self) -> Path:
        return self.directory / "sa.key"

    @property
    def service_account_public(self) -> Path:
        return self.directory / "sa.pub"

    def component_kubeconfig(self, component: str) -> Path:
        return self.identities / f"{component}.kubeconfig"

    def files(self) -> list[Path]:
        """All there are."""
        pairs = (self.api_serving, self.bridgehead_serving, self.api_client)
        own = (self.ca, self.ca_key, self.service_account_key, self.service_account_public)
        return [*own, *(path for pair in pairs for path in pair), *self.kubeconfigs()]

    def kubeconfigs(self) -> list[Path]:
        return [*map(self.component_kubeconfig, COMPONENTS), self.admin_kubeconfig]

    def load_authority(self) -> authority.Authority:
        from bascule.bridge.identity import authority

        return authority.load(files.read(self.ca), files.read(self.ca_key))

    def load_service_account_keys(self) -> token_keys.Kept:
        return token_keys.Kept(files.read(self.service_account_key))


def layout(data_dir: Path) -> Pki:
    return Pki(data_dir / "pki", data_dir / "identities", data_dir / "admin.kubeconfig")


def ensure(
    data_dir: Path,
    *,
    clock: clock.Clock,
    server: str = "https://127.0.0.1:6443",
    names: Sequence[str] = (),
    service_range: str = "10.96.0.0/16",
) -> Pki:
    """`server`: the URL written into kubeconfigs. `names`: further host names and addresses of the API and
    bridgehead.
    """
    pki = layout(data_dir)
    for directory in (pki.directory, pki.identities):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(pki.directory / ".lock"):
        until = seal.until(_seal(pki), pki.files(), _wanted(names, service_range), clock.now())
        changed = False
        if until is None:
            from bascule.bridge.identity import making

            until, changed = making.ensure(pki, clock, names, service_range, server=server), True
        for path in pki.kubeconfigs():
            changed |= kubeconfig.point(path, server)
        if changed:
            seal.put(_seal(pki), pki.files(), _wanted(names, service_range), until)
    return pki


def is_sealed(data_dir: Path, *, clock: clock.Clock, names: Sequence[str], service_range: str) -> bool:
    """Whether `ensure` finds all made and examined."""
    pki = layout(data_dir)
    return seal.until(_seal(pki), pki.files(), _wanted(names, service_range), clock.now()) is not None


def _wanted(names: Sequence[str], service_range: str) -> list[str]:
    return [service_range, *names]


def _seal(pki: Pki) -> Path:
    return pki.directory / ".sealed"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, files.KEY_MODE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
