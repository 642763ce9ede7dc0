"""The installation's certificate authority: creating it, loading it, issuing and signing with it.

One self-signed CA, no intermediates. It signs only names it was asked to sign by its caller: deciding who may have
which name is the caller's (see `control.access.signing`).
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import oid

from bascule.bridge.identity import certificates, faults
from bascule.vocabulary import clock

Usage = Literal["client", "server"]

DAY_SECONDS = 86_400
AUTHORITY_LIFETIME_SECONDS = 3650 * DAY_SECONDS
COMPONENT_LIFETIME_SECONDS = 365 * DAY_SECONDS
# Half of it must outlive the longest declared outage (seven days by default) with room to spare.
NODE_LIFETIME_SECONDS = 30 * DAY_SECONDS
# What a node may ask for instead, so that half of it outlives a longer outage its operator declares.
NODE_LIFETIME_SECONDS_MAX = 365 * DAY_SECONDS
SKEW = timedelta(minutes=5)

_USAGES = {"client": oid.ExtendedKeyUsageOID.CLIENT_AUTH, "server": oid.ExtendedKeyUsageOID.SERVER_AUTH}
_LEAF_KEY_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
_CA_KEY_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, slots=True)
class Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return certificates.pem(self.certificate)


class Issued(NamedTuple):
    certificate_pem: bytes
    key_pem: bytes


def create(
    common_name: str,
    *,
    clock: clock.Clock,
    lifetime_seconds: int = AUTHORITY_LIFETIME_SECONDS,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Authority:
    """A new self-signed authority; with `key`, a new certificate for an existing key."""
    key = key or certificates.new_key()
    name = x509.Name([x509.NameAttribute(oid.NameOID.COMMON_NAME, common_name)])
    now = clock.now()
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + timedelta(seconds=lifetime_seconds))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_CA_KEY_USAGE, critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def load(certificate_pem: bytes, key_pem: bytes) -> Authority:
    """Raises IdentityError when either is unreadable or they do not belong together."""
    certificate = certificates.load(certificate_pem, source="the CA certificate")
    key = certificates.load_key(key_pem, source="the CA key")
    if not certificates.belongs_to(certificate, key):
        raise faults.IdentityError("the CA certificate and the CA key do not belong together; restore the pair")
    return Authority(certificate, key)


def issue(
    ca: Authority,
    common_name: str,
    organizations: Sequence[str] = (),
    *,
    dns_names: Sequence[str] = (),
    ip_addresses: Sequence[str] = (),
    usages: Sequence[Usage],
    lifetime_seconds: int = COMPONENT_LIFETIME_SECONDS,
    clock: clock.Clock,
) -> Issued:
    """A new key and its certificate."""
    key = certificates.new_key()
    names = [x509.NameAttribute(oid.NameOID.ORGANIZATION_NAME, text) for text in organizations]
    subject = x509.Name([*names, x509.NameAttribute(oid.NameOID.COMMON_NAME, common_name)])
    alternatives: list[x509.GeneralName] = [x509.DNSName(text) for text in dns_names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(text)) for text in ip_addresses]
    certificate = _sign(ca, subject, key.public_key(), alternatives, usages, lifetime_seconds, clock)
    return Issued(certificates.pem(certificate), certificates.key_pem(key))


def sign(
    ca: Authority,
    request: x509.CertificateSigningRequest,
    *,
    usages: Sequence[Usage],
    lifetime_seconds: int,
    clock: clock.Clock,
) -> bytes:
    """Signs a request that `requests.load` has checked: its subject, key and alternative names, nothing else of it."""
    alternatives: list[x509.GeneralName] = []
    try:
        alternatives = list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        pass
    public_key = request.public_key()
    return certificates.pem(
        _sign(ca, request.subject, public_key, alternatives, usages, lifetime_seconds, clock)  # type: ignore[arg-type]
    )


def _sign(
    ca: Authority,
    subject: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    alternatives: list[x509.GeneralName],
    usages: Sequence[Usage],
    lifetime_seconds: int,
    clock: clock.Clock,
) -> x509.Certificate:
    now = clock.now()
    end = min(now + timedelta(seconds=lifetime_seconds), ca.certificate.not_valid_after_utc)
    if end <= now:
        raise faults.IdentityError(
            "the CA certificate has expired; create a new one (remove pki/ca.crt) and start again"
        )
    issuer = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ca.certificate.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_LEAF_KEY_USAGE, critical=True)
        .add_extension(x509.ExtendedKeyUsage([_USAGES[usage] for usage in usages]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(ca.key, hashes.SHA256())
