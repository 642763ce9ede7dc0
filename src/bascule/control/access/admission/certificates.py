"""CertificateSigningRequests: who may approve and sign for a signer, and what no request may ask for."""

import base64
import binascii

from bascule.bridge.identity import faults
from bascule.control.access import attributes, signers, user
from bascule.control.access.admission import context, request
from bascule.vocabulary import objects


def validate(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object | None) -> None:
    if obj is None:
        return
    signer = (obj.get("spec") or {}).get("signerName") or ""
    if asked.operation == "CREATE" and not asked.subresource and signer == signers.CLIENT:
        _refuse_masters(asked, obj)
    if asked.operation != "UPDATE" or asked.subresource not in ("approval", "status"):
        return
    verb = "approve" if asked.subresource == "approval" else "sign"
    if verb == "sign" and (obj.get("status") or {}) == ((asked.old or {}).get("status") or {}):
        return
    domain = signer.partition("/")[0] + "/*"
    for name in (signer, domain):
        wanted = attributes.Attributes(asked.user, verb, asked.cluster, "certificates.k8s.io", "signers", name=name)
        if held.authorizer.decide(wanted).allowed:
            return
    raise context.forbid(asked, f'user not permitted to {verb} requests with signerName "{signer}"')


def _refuse_masters(asked: request.AdmissionRequest, obj: objects.Object) -> None:
    from bascule.bridge.identity import requests

    try:
        pem = base64.b64decode((obj.get("spec") or {}).get("request") or "", validate=True)
        subject = requests.subject(requests.load(pem))
    except (faults.IdentityError, binascii.Error, ValueError, TypeError):
        return  # validation says what is wrong with it
    if user.MASTERS in subject.organizations:
        text = f"use of {signers.CLIENT} signer with {user.MASTERS} group is not allowed"
        raise context.forbid(asked, text)
