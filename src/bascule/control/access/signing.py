"""CertificateSigningRequests: who is approved without a human, and the signing itself.

A bootstrap token's user may ask for exactly `system:node:<name>`; a node may renew its own. Everything else waits for
an approval by somebody with the right to give it. Pure: the API server calls `process` on create and on approval.
"""

import base64
import binascii
from typing import Final, NamedTuple

from cryptography import x509

from bascule.bridge.identity import authority, faults, nodes, requests
from bascule.control.access import bootstrap_tokens, reader, signers, user
from bascule.vocabulary import clock, names, objects, timestamps

_USAGES: Final[dict[str, tuple[authority.Usage, frozenset[str]]]] = {
    signers.KUBELET_CLIENT: ("client", frozenset({"digital signature", "key encipherment", "client auth"})),
    signers.CLIENT: ("client", frozenset({"digital signature", "key encipherment", "client auth"})),
    signers.KUBELET_SERVING: ("server", frozenset({"digital signature", "key encipherment", "server auth"})),
}
_LIFETIME_SECONDS_MIN: Final = 600


class TokenUse(NamedTuple):
    """The annotation to write on the bootstrap token's Secret, in the same commit as the signed request."""

    secret: objects.Object
    key: str
    value: str


class Verdict(NamedTuple):
    """`approved` None: not ours to decide."""

    approved: bool | None
    message: str
    use: TokenUse | None = None


def process(
    csr: objects.Object, source: reader.Reader, ca: authority.Authority, time: clock.Clock, *, cluster: str
) -> TokenUse | None:
    """Approves and signs in place, where that is right; otherwise leaves the object alone.

    Never raises for a bad request: the reason becomes a Denied or Failed condition.
    """
    if cluster != objects.ROOT:
        return None
    status = csr.setdefault("status", {})
    settled = {condition.get("type") for condition in status.get("conditions") or ()}
    use = None
    if not settled & {"Approved", "Denied", "Failed"}:
        verdict = decide(csr, source)
        if verdict.approved is None:
            return None
        kind, reason = ("Approved", "AutoApproved") if verdict.approved else ("Denied", "AutoDenied")
        _condition(status, kind, reason, verdict.message, time)
        settled.add(kind)
        use = verdict.use
    known = (csr.get("spec") or {}).get("signerName") in _USAGES  # others sign for themselves
    if known and "Approved" in settled and not settled & {"Denied", "Failed"} and not status.get("certificate"):
        try:
            status["certificate"] = base64.b64encode(sign(csr, ca, time)).decode()
        except faults.IdentityError as error:
            _condition(status, "Failed", "SignerValidationFailure", str(error), time)
    return use


def decide(csr: objects.Object, source: reader.Reader) -> Verdict:
    """Only for node client certificates; the request's own `spec.username` and `groups` say who asks."""
    spec = csr.get("spec") or {}
    groups, asker = spec.get("groups") or (), spec.get("username") or ""
    if spec.get("signerName") != signers.KUBELET_CLIENT or not {user.BOOTSTRAPPERS, user.NODES} & set(groups):
        return Verdict(None, "")
    try:
        request = _request(csr)
        _check(csr, request)
    except faults.IdentityError as error:
        return Verdict(False, str(error))
    wanted = requests.subject(request).common_name
    node = wanted[len(user.NODE_PREFIX) :]
    if user.NODES in groups:
        if asker == wanted:
            return Verdict(True, "Auto approving the renewal of a node's own client certificate")
        return Verdict(False, f"{asker} may renew its own certificate only, not that of {wanted}")
    secret = bootstrap_tokens.secret_of(asker, source)
    if secret is None:
        return Verdict(None, "")
    use = bootstrap_tokens.Use(node, requests.key_fingerprint(request))
    problem = bootstrap_tokens.use_problem(secret, use)
    if problem:
        return Verdict(False, problem)
    # A token for many nodes is not written to: a thousand of them may join at once.
    once = bootstrap_tokens.is_single_use(secret)
    mark = TokenUse(secret, bootstrap_tokens.USED_BY, use.text()) if once else None
    return Verdict(True, "Auto approving a node that joins with a bootstrap token", mark)


def sign(csr: objects.Object, ca: authority.Authority, time: clock.Clock) -> bytes:
    """The certificate as PEM. Raises IdentityError when the request asks for what its signer does not give."""
    spec = csr.get("spec") or {}
    request = _request(csr)
    _check(csr, request)
    usual = longest = authority.COMPONENT_LIFETIME_SECONDS
    if spec.get("signerName") == signers.KUBELET_CLIENT:
        usual, longest = authority.NODE_LIFETIME_SECONDS, authority.NODE_LIFETIME_SECONDS_MAX
    seconds = min(max(int(spec.get("expirationSeconds") or usual), _LIFETIME_SECONDS_MIN), longest)
    usage = _USAGES[spec["signerName"]][0]
    return authority.sign(ca, request, usages=[usage], lifetime_seconds=seconds, clock=time)


def _check(csr: objects.Object, request: x509.CertificateSigningRequest) -> None:
    spec = csr.get("spec") or {}
    signer = spec.get("signerName") or ""
    if signer not in _USAGES:
        raise faults.IdentityError(f"no signer here is named {signer!r}")
    kind, allowed = _USAGES[signer]
    usages = set(spec.get("usages") or ())
    needed = {f"{kind} auth"} if signer == signers.CLIENT else {f"{kind} auth", "digital signature"}
    if not usages <= allowed or not needed <= usages:
        optional = " and ".join(sorted(allowed - needed))
        raise faults.IdentityError(f"usages must be {' and '.join(sorted(needed))}, optionally {optional}")
    subject = requests.subject(request)
    alternatives = requests.alternative_names(request)
    if user.MASTERS in subject.organizations:
        raise faults.IdentityError(f"no certificate is signed for the group {user.MASTERS}")
    if signer == signers.CLIENT:
        reserved = ("system:", "bascule:")
        for name in (subject.common_name, *subject.organizations):
            if name.startswith(reserved):
                raise faults.IdentityError(f"the name {name!r} is reserved for the platform itself")
        return
    node = nodes.node_name(subject)
    if node is None or subject.organizations != (user.NODES,) or names.is_dns1123_subdomain(node):
        raise faults.IdentityError("the subject must be O=system:nodes, CN=system:node:<name of the node>")
    if signer == signers.KUBELET_CLIENT and alternatives:
        raise faults.IdentityError("a node's client certificate may have no subject alternative names")
    if signer == signers.KUBELET_SERVING:
        if not alternatives:
            raise faults.IdentityError("a node's serving certificate must name at least one address or DNS name")
        if spec.get("username") != subject.common_name:
            raise faults.IdentityError("a node may ask for its own serving certificate only")


def _request(csr: objects.Object) -> x509.CertificateSigningRequest:
    try:
        pem = base64.b64decode((csr.get("spec") or {}).get("request") or "", validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise faults.IdentityError("spec.request is not base64") from error
    return requests.load(pem)


def _condition(status: objects.Object, kind: str, reason: str, message: str, time: clock.Clock) -> None:
    now = timestamps.format(time.now())
    condition = {
        "type": kind,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastUpdateTime": now,
        "lastTransitionTime": now,
    }
    status["conditions"] = [*(status.get("conditions") or ()), condition]
