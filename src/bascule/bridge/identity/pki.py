"""A data directory's identities: everything a fresh installation needs, made once, renewed when half its life is over.

What exists and is sound is kept. A lock lets several starting processes call `ensure` at the same time. A CA
certificate without its key is an error, never a reason to make another CA: nodes would no longer know the
installation.
"""

import fcntl
import ipaddress
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bascule.bridge.identity import authority, certificates, faults, files, kubeconfig, service_account_keys
from bascule.vocabulary import clock

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

    def load_authority(self) -> authority.Authority:
        return authority.load(files.read(self.ca), files.read(self.ca_key))

    def load_service_account_keys(self) -> service_account_keys.KeySet:
        return service_account_keys.KeySet.load(files.read(self.service_account_key))


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
        ca = _authority(pki, clock)
        dns_names, addresses = serving_names(names, service_range)
        _pair(ca, *pki.api_serving, "kube-apiserver", ["server"], clock, dns_names, addresses)
        _pair(ca, *pki.bridgehead_serving, "bascule-bridgehead", ["server"], clock, dns_names, addresses)
        _pair(ca, *pki.api_client, API_USER, ["client"], clock)
        _service_account_key(pki)
        for component, user in COMPONENTS.items():
            _kubeconfig(ca, pki.component_kubeconfig(component), server, user, (), clock)
        _kubeconfig(ca, pki.admin_kubeconfig, server, *ADMIN, clock)
    return pki


def serving_names(names: Sequence[str], service_range: str) -> tuple[list[str], list[str]]:
    """(DNS names, addresses) of the API: those pods use, those of this machine, and `names`."""
    service = "kubernetes.default.svc"
    dns_names = ["localhost", "kubernetes", "kubernetes.default", service, f"{service}.{CLUSTER_DOMAIN}"]
    first = str(ipaddress.ip_network(service_range)[1])
    addresses = ["127.0.0.1", "::1", first]
    for name in names:
        try:
            addresses.append(str(ipaddress.ip_address(name)))
        except ValueError:
            dns_names.append(name)
    return list(dict.fromkeys(dns_names)), list(dict.fromkeys(addresses))


def _authority(pki: Pki, time: clock.Clock) -> authority.Authority:
    certificate_pem, key_pem = files.read_optional(pki.ca), files.read_optional(pki.ca_key)
    if certificate_pem is not None and key_pem is not None:
        return authority.load(certificate_pem, key_pem)
    if certificate_pem is not None:
        raise faults.IdentityError(
            f"{pki.ca} is there but {pki.ca_key} is missing; restore it, or remove both to start anew"
        )
    key = certificates.load_key(key_pem, source=str(pki.ca_key)) if key_pem else certificates.new_key()
    ca = authority.create("bascule-ca", clock=time, key=key)
    files.write_key(pki.ca_key, certificates.key_pem(key))
    files.write(pki.ca, ca.certificate_pem)
    return ca


def _pair(
    ca: authority.Authority,
    certificate_path: Path,
    key_path: Path,
    common_name: str,
    usages: Sequence[authority.Usage],
    time: clock.Clock,
    dns_names: Sequence[str] = (),
    addresses: Sequence[str] = (),
) -> None:
    wanted = {*dns_names, *addresses}
    if _sound(files.read_optional(certificate_path), files.read_optional(key_path), ca, time, wanted):
        return
    issued = authority.issue(ca, common_name, dns_names=dns_names, ip_addresses=addresses, usages=usages, clock=time)
    # The key first: between the two writes the pair does not fit, which the next start sees and repairs.
    files.write_key(key_path, issued.key_pem)
    files.write(certificate_path, issued.certificate_pem)


def _kubeconfig(
    ca: authority.Authority, path: Path, server: str, user: str, groups: Sequence[str], time: clock.Clock
) -> None:
    if path.exists():
        held = kubeconfig.read(path)
        if _sound(held.cert_pem, held.key_pem, ca, time, set()):
            if held.server != server:
                kubeconfig.write(path, server, ca.certificate_pem, held.cert_pem, held.key_pem)
            return
    issued = authority.issue(ca, user, groups, usages=["client"], clock=time)
    kubeconfig.write(path, server, ca.certificate_pem, issued.certificate_pem, issued.key_pem)


def _sound(
    certificate_pem: bytes | None, key_pem: bytes | None, ca: authority.Authority, time: clock.Clock, names: set[str]
) -> bool:
    """Ours, a pair, good for at least half its life, and for every name that is wanted."""
    if certificate_pem is None or key_pem is None:
        return False
    try:
        certificate = certificates.load(certificate_pem)
        key = certificates.load_key(key_pem)
    except faults.IdentityError:
        return False
    return (
        certificates.belongs_to(certificate, key)
        and certificates.issued_by(certificate, ca.certificate)
        and time.now() < certificates.renew_at(certificate)
        and names <= set(certificates.alternative_names(certificate))
    )


def _service_account_key(pki: Pki) -> None:
    private = files.read_optional(pki.service_account_key)
    if private is None:
        private = service_account_keys.new_private_pem()
        files.write_key(pki.service_account_key, private)
    public = service_account_keys.public_pem(private)
    if files.read_optional(pki.service_account_public) != public:
        files.write(pki.service_account_public, public)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, files.KEY_MODE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
