"""Certificate signing requests: making one, and checking one that somebody else made."""

import hashlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import oid

from bascule.bridge.identity import certificates, faults

SIZE_BYTES_MAX = 16 * 1024


def create(key: ec.EllipticCurvePrivateKey, common_name: str, organizations: Sequence[str] = ()) -> bytes:
    """PEM text of a request for this name, proving possession of the key."""
    names = [x509.NameAttribute(oid.NameOID.ORGANIZATION_NAME, text) for text in organizations]
    subject = x509.Name([*names, x509.NameAttribute(oid.NameOID.COMMON_NAME, common_name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def load(pem: bytes) -> x509.CertificateSigningRequest:
    """A request whose signature holds and whose key is strong enough. Raises IdentityError."""
    if len(pem) > SIZE_BYTES_MAX:
        raise faults.IdentityError(f"the certificate request is larger than {SIZE_BYTES_MAX} bytes")
    try:
        request = x509.load_pem_x509_csr(pem)
        sound = request.is_signature_valid
        key = request.public_key()
    except Exception as error:  # the decoder raises many kinds for many kinds of nonsense
        raise faults.IdentityError(f"the certificate request cannot be read: {error}") from error
    if not sound:
        raise faults.IdentityError("the certificate request is not signed by the key it asks for")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048:
        raise faults.IdentityError("the certificate request has an RSA key of less than 2048 bits")
    return request


def subject(request: x509.CertificateSigningRequest) -> certificates.Subject:
    return certificates.subject(request.subject)


def alternative_names(request: x509.CertificateSigningRequest) -> list[str]:
    try:
        extension = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in extension.value]


def key_fingerprint(request: x509.CertificateSigningRequest) -> str:
    """SHA-256 of the public key, in hexadecimal: tells a retry of the same node from another holder of its token."""
    return hashlib.sha256(certificates.public_bytes(request.public_key())).hexdigest()
