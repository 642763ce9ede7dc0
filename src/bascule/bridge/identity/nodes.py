"""A node's identity: its name in certificates, and its key and certificate on disk."""

from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from bascule.bridge.identity import certificates, faults, files, requests
from bascule.vocabulary import clock

USER_PREFIX: Final = "system:node:"
GROUP: Final = "system:nodes"


class NodeIdentity(NamedTuple):
    certificate: x509.Certificate
    certificate_pem: bytes
    key_pem: bytes

    @property
    def node(self) -> str:
        return node_name(certificates.subject(self.certificate.subject)) or ""

    def needs_renewal(self, time: clock.Clock) -> bool:
        return time.now() >= certificates.renew_at(self.certificate)

    def expired(self, time: clock.Clock) -> bool:
        return time.now() >= self.certificate.not_valid_after_utc


def user_name(node: str) -> str:
    return USER_PREFIX + node


def node_name(subject: certificates.Subject) -> str | None:
    """The node a certificate speaks for, or None when it is not a node's."""
    if GROUP not in subject.organizations or not subject.common_name.startswith(USER_PREFIX):
        return None
    return subject.common_name[len(USER_PREFIX) :] or None


def request(key: ec.EllipticCurvePrivateKey, node: str) -> bytes:
    """The signing request for joining or renewing as this node."""
    return requests.create(key, user_name(node), [GROUP])


def ensure_key(directory: Path) -> ec.EllipticCurvePrivateKey:
    """The node's key, made on first use. It never leaves the node."""
    path = directory / "node.key"
    content = files.read_optional(path)
    if content is None:
        key = certificates.new_key()
        files.write_key(path, certificates.key_pem(key))
        return key
    return certificates.load_key(content, source=str(path))


def load(directory: Path) -> NodeIdentity | None:
    """The stored identity; None when the node has not joined. Raises IdentityError when the files do not fit
    together.
    """
    certificate_pem = files.read_optional(directory / "node.crt")
    if certificate_pem is None:
        return None
    key_pem = files.read(directory / "node.key")
    certificate = certificates.load(certificate_pem, source=str(directory / "node.crt"))
    if not certificates.belongs_to(certificate, certificates.load_key(key_pem)):
        raise faults.IdentityError(
            f"{directory}/node.crt does not belong to node.key; remove node.crt and join again with a new token"
        )
    return NodeIdentity(certificate, certificate_pem, key_pem)


def save(directory: Path, certificate_pem: bytes) -> NodeIdentity:
    """Stores a certificate received for the node's key, after checking that it is for that key."""
    key_pem = files.read(directory / "node.key")
    certificate = certificates.load(certificate_pem, source="the received certificate")
    if not certificates.belongs_to(certificate, certificates.load_key(key_pem)):
        raise faults.IdentityError("the received certificate is for another key; nothing was changed")
    files.write(directory / "node.crt", certificate_pem)
    return NodeIdentity(certificate, certificate_pem, key_pem)
