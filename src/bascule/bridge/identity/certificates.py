"""Reading certificates: whose they are, how long they last, when to renew them."""

import hashlib
from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import oid

from bascule.bridge.identity import faults


class Subject(NamedTuple):
    common_name: str
    organizations: tuple[str, ...]


def load(pem: bytes, *, source: str = "the certificate") -> x509.Certificate:
    """The first certificate of the PEM text. Raises IdentityError."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise faults.IdentityError(f"{source} is not a PEM certificate; remove it to have it made again") from error


def load_der(der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise faults.IdentityError("the client certificate cannot be decoded") from error


def load_key(pem: bytes, *, source: str = "the key") -> ec.EllipticCurvePrivateKey:
    """Raises IdentityError unless it is an unencrypted elliptic-curve private key."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise faults.IdentityError(f"{source} is not an unencrypted PEM private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise faults.IdentityError(f"{source} is not an elliptic-curve key; Bascule makes P-256 keys")
    return key


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def subject(name: x509.Name) -> Subject:
    """Common name and organizations, as Kubernetes reads user and groups from them."""
    names = [str(part.value) for part in name.get_attributes_for_oid(oid.NameOID.COMMON_NAME)]
    organizations = [str(part.value) for part in name.get_attributes_for_oid(oid.NameOID.ORGANIZATION_NAME)]
    return Subject(names[0] if names else "", tuple(organizations))


def renew_at(certificate: x509.Certificate) -> datetime:
    """When half of its life is over. The other half is what a disconnected holder can live on."""
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return start + (end - start) / 2


def belongs_to(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> bool:
    return public_bytes(certificate.public_key()) == public_bytes(key.public_key())


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Name and signature; not the dates."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def public_bytes(key: object) -> bytes:
    """The SubjectPublicKeyInfo of any public key."""
    return key.public_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def pin(certificate: x509.Certificate) -> str:
    """`sha256:<hex>` of the public key: what a joining node is given to know the installation by."""
    return "sha256:" + hashlib.sha256(public_bytes(certificate.public_key())).hexdigest()


def alternative_names(certificate: x509.Certificate) -> list[str]:
    """DNS names and addresses, as text."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in extension.value]
