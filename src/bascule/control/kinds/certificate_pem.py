"""Certificates and requests for them as PEM inside objects: what is wrong with them, in a few words.

The library that reads them is imported when there is one to read.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

_BLOCK: Final = re.compile(
    rb"-----BEGIN (?P<kind>[A-Z0-9 ]+)-----[ \t]*\r?\n(?P<headers>(?:[^\n:]+:[^\n]*\n)*)"
    rb"(?P<body>[^-]*)-----END (?P=kind)-----"
)
_REQUEST, _CERTIFICATE = b"CERTIFICATE REQUEST", b"CERTIFICATE"


def _decoded(text: object) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) if type(text) is str else None
    except (binascii.Error, ValueError):
        return None


def request_problem(text: object) -> str:
    """What is wrong with a request (base64 of PEM), or nothing: it must be signed by the key it is for."""
    from cryptography import x509

    pem = _decoded(text)
    block = None if pem is None else _BLOCK.search(pem)
    if block is None or block["kind"] != _REQUEST:
        return "PEM block type must be CERTIFICATE REQUEST"
    try:
        request = x509.load_pem_x509_csr(block[0])
        sound = request.is_signature_valid
    except Exception as error:  # the decoder raises many kinds for many kinds of nonsense
        return f"x509: malformed certificate request: {error}"
    return "" if sound else "x509: the request is not signed by the key it is for"


def chain_problem(text: object) -> str:
    """What is wrong with a chain of certificates (base64 of PEM), or nothing; no chain is none."""
    if not text:
        return ""
    from cryptography import x509

    pem = _decoded(text) or b""
    found = 0
    for block in _BLOCK.finditer(pem):
        kind = block["kind"].decode()
        if block["kind"] != _CERTIFICATE:
            return f'only CERTIFICATE PEM blocks are allowed, found "{kind}"'
        if block["headers"]:
            return "no PEM block headers are permitted"
        try:
            x509.load_pem_x509_certificate(block[0])
        except Exception as error:  # as above
            return f"x509: malformed certificate: {error}"
        found += 1
    return "" if found else "must contain at least one CERTIFICATE PEM block"
