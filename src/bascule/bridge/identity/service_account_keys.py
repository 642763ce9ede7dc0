"""The keys that sign service accounts' tokens: signing, verifying, and publishing the public half as JWKS."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bascule.bridge.identity import certificates, faults

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class KeySet:
    """One private key that signs, any number of public keys that verify (its own among them)."""

    def __init__(self, private: PrivateKey, others: Sequence[PublicKey] = ()) -> None:
        self._private = private
        self._public = {key_id(key): key for key in (private.public_key(), *others)}
        self._key_id = key_id(private.public_key())

    @classmethod
    def load(cls, private_pem: bytes, public_pems: Sequence[bytes] = ()) -> "KeySet":
        try:
            private = serialization.load_pem_private_key(private_pem, password=None)
            others = [serialization.load_pem_public_key(pem) for pem in public_pems]
        except (ValueError, TypeError) as error:
            raise faults.IdentityError("a service account key is not readable PEM; restore pki/sa.key") from error
        supported = (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)
        if not isinstance(private, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
            raise faults.IdentityError("the service account key must be an elliptic-curve or RSA key")
        return cls(private, [key for key in others if isinstance(key, supported)])

    def sign(self, claims: Mapping[str, Any]) -> str:
        algorithm = _algorithm(self._private.public_key())
        return jwt.encode(dict(claims), self._private, algorithm=algorithm, headers={"kid": self._key_id})

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a token that one of our keys signed. Checks the signature only. Raises IdentityError."""
        try:
            header = jwt.get_unverified_header(token)
            key = self._public.get(header.get("kid") or "")
            if key is None:
                raise faults.IdentityError("the token is signed by a key this installation does not know")
            return jwt.decode(token, key, algorithms=[_algorithm(key)], options=_SIGNATURE_ONLY)
        except jwt.PyJWTError as error:
            raise faults.IdentityError("the token's signature does not hold") from error

    def jwks(self) -> dict[str, Any]:
        """The body of `/openid/v1/jwks`."""
        return {"keys": [_jwk(identifier, key) for identifier, key in self._public.items()]}

    def algorithms(self) -> list[str]:
        return sorted({_algorithm(key) for key in self._public.values()})


_SIGNATURE_ONLY: Any = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
}


def new_private_pem() -> bytes:
    return certificates.key_pem(certificates.new_key())


def public_pem(private_pem: bytes) -> bytes:
    key = serialization.load_pem_private_key(private_pem, password=None)
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_id(key: PublicKey) -> str:
    """base64url of the SHA-256 of the public key, as the API server names keys."""
    digest = hashlib.sha256(certificates.public_bytes(key)).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _algorithm(key: PublicKey) -> str:
    return "RS256" if isinstance(key, rsa.RSAPublicKey) else "ES256"


def _jwk(identifier: str, key: PublicKey) -> dict[str, Any]:
    common = {"use": "sig", "kid": identifier, "alg": _algorithm(key)}
    numbers = key.public_numbers()
    if isinstance(numbers, rsa.RSAPublicNumbers):
        size = (numbers.n.bit_length() + 7) // 8
        return {**common, "kty": "RSA", "n": _number(numbers.n, size), "e": _number(numbers.e, 3)}
    return {**common, "kty": "EC", "crv": "P-256", "x": _number(numbers.x, 32), "y": _number(numbers.y, 32)}


def _number(value: int, size_bytes: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes(size_bytes, "big")).decode().rstrip("=")
