"""Makes and renews what a data directory's identities lack; `pki.ensure` calls it when there may be something to do."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from bascule.bridge.identity import authority, certificates, faults, files, kubeconfig, service_account_keys
from bascule.bridge.identity.pki import ADMIN, API_USER, CLUSTER_DOMAIN, COMPONENTS, Pki
from bascule.vocabulary import clock


def ensure(pki: Pki, time: clock.Clock, names: Sequence[str], service_range: str, *, server: str) -> datetime:
    """Returns when the first of the certificates is to be renewed. `server`: for kubeconfigs.

    The caller holds the directory's lock.
    """
    ca = _authority(pki, time)
    dns_names, addresses = serving_names(names, service_range)
    renewals = [
        _pair(ca, *pki.api_serving, "kube-apiserver", ["server"], time, dns_names, addresses),
        _pair(ca, *pki.bridgehead_serving, "bascule-bridgehead", ["server"], time, dns_names, addresses),
        _pair(ca, *pki.api_client, API_USER, ["client"], time),
    ]
    _service_account_key(pki)
    for component, user in COMPONENTS.items():
        renewals.append(_kubeconfig(ca, pki.component_kubeconfig(component), server, user, (), time))
    renewals.append(_kubeconfig(ca, pki.admin_kubeconfig, server, *ADMIN, time))
    return min(renewals)


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
) -> datetime:
    wanted = {*dns_names, *addresses}
    held = _sound(files.read_optional(certificate_path), files.read_optional(key_path), ca, time, wanted)
    if held is not None:
        return held
    issued = authority.issue(ca, common_name, dns_names=dns_names, ip_addresses=addresses, usages=usages, clock=time)
    # The key first: between the two writes the pair does not fit, which the next start sees and repairs.
    files.write_key(key_path, issued.key_pem)
    files.write(certificate_path, issued.certificate_pem)
    return certificates.renew_at(certificates.load(issued.certificate_pem))


def _kubeconfig(
    ca: authority.Authority, path: Path, server: str, user: str, groups: Sequence[str], time: clock.Clock
) -> datetime:
    if path.exists():
        contents = kubeconfig.read(path)
        held = _sound(contents.cert_pem, contents.key_pem, ca, time, set())
        if held is not None:
            if contents.server != server:
                kubeconfig.write(path, server, ca.certificate_pem, contents.cert_pem, contents.key_pem)
            return held
    issued = authority.issue(ca, user, groups, usages=["client"], clock=time)
    kubeconfig.write(path, server, ca.certificate_pem, issued.certificate_pem, issued.key_pem)
    return certificates.renew_at(certificates.load(issued.certificate_pem))


def _sound(
    certificate_pem: bytes | None, key_pem: bytes | None, ca: authority.Authority, time: clock.Clock, names: set[str]
) -> datetime | None:
    """When to renew what is ours, a pair, good for at least half its life, and for every name that is wanted."""
    if certificate_pem is None or key_pem is None:
        return None
    try:
        certificate = certificates.load(certificate_pem)
        key = certificates.load_key(key_pem)
    except faults.IdentityError:
        return None
    sound = (
        certificates.belongs_to(certificate, key)
        and certificates.issued_by(certificate, ca.certificate)
        and time.now() < certificates.renew_at(certificate)
        and names <= set(certificates.alternative_names(certificate))
    )
    return certificates.renew_at(certificate) if sound else None


def _service_account_key(pki: Pki) -> None:
    private = files.read_optional(pki.service_account_key)
    if private is None:
        private = service_account_keys.new_private_pem()
        files.write_key(pki.service_account_key, private)
    service_account_keys.KeySet.load(private)
    public = service_account_keys.public_pem(private)
    if files.read_optional(pki.service_account_public) != public:
        files.write(pki.service_account_public, public)
