"""CertificateSigningRequests. Who asks (`spec.username`, …) is set by the API server before `prepare_create`."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from bascule.control.kinds import certificate_pem, columns, duration, generic, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors, timestamps
from bascule.vocabulary.objects import Object

_SECONDS_MIN = 600
_LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
_DOMAIN_LENGTH_MAX, _SIGNER_LENGTH_MAX = 253, 253 + 1 + 253 + 63 + 1
_DECISIONS = frozenset(("Approved", "Denied"))
_FINAL = ("Approved", "Denied", "Failed")
_USAGES = (
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
)


def _update(new: Object, old: Object, context: Context) -> None:
    """A request is never rewritten, only decided."""
    if "spec" in old:
        new["spec"] = old["spec"]


def _create(obj: Object, context: Context) -> None:
    obj["status"] = {}


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    problem = certificate_pem.request_problem(spec.get("request"))
    if problem:
        yield errors.invalid_value("spec.request", spec.get("request") or "", problem)
    usages = shape.texts(spec, "usages")
    if not usages:
        yield errors.required("spec.usages", "usages must be provided")
    for index, usage in enumerate(usages):
        if usage not in _USAGES:
            yield errors.not_supported(f"spec.usages[{index}]", usage, _USAGES)
        if usage in usages[:index]:
            yield errors.duplicate(f"spec.usages[{index}]", usage)
    signer = shape.text(spec, "signerName")
    if signer == _LEGACY_SIGNER:
        text = "the legacy signerName is not allowed via this API version"
        yield errors.invalid_value("spec.signerName", signer, text)
    else:
        yield from _signer("spec.signerName", signer)
    seconds = shape.integer(spec, "expirationSeconds")
    if seconds is not None and seconds < _SECONDS_MIN:
        yield errors.invalid_value(
            "spec.expirationSeconds", seconds, "may not specify a duration less than 600 seconds (10 minutes)"
        )


def _signer(path: str, signer: str) -> Causes:
    if not signer:
        yield errors.required(path, "")
        return
    parts = signer.split("/")
    if len(parts) != 2:
        yield errors.invalid_value(
            path, signer, "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        )
        return
    domain, name = parts
    if len(domain) > _DOMAIN_LENGTH_MAX:
        yield errors.too_long(path, _DOMAIN_LENGTH_MAX)
    for label in domain.split("."):
        for problem in metadata.label(label):
            yield errors.invalid_value(path, domain, f'validating label "{label}": {problem}')
    if "." not in domain:
        yield errors.invalid_value(path, domain, "should be a domain with at least two segments separated by dots")
    for label in name.split("."):
        for problem in metadata.subdomain(label):
            yield errors.invalid_value(path, name, f'validating label "{label}": {problem}')
    if len(signer) > _SIGNER_LENGTH_MAX:
        yield errors.too_long(path, _SIGNER_LENGTH_MAX)


def _conditions(obj: Object) -> Causes:
    path = "status.conditions"
    seen: set[str] = set()
    for index, condition in enumerate(shape.items(shape.mapping(obj, "status"), "conditions")):
        kind, status = shape.text(condition, "type"), shape.text(condition, "status")
        if not kind:
            yield errors.required(f"{path}[{index}].type", "")
        allowed = ("True",) if kind in _FINAL else ("False", "True", "Unknown")
        if not status:
            yield errors.required(f"{path}[{index}].status", "")
        elif status not in allowed:
            yield errors.not_supported(f"{path}[{index}].status", status, allowed)
        if kind in _DECISIONS and seen & (_DECISIONS - {kind}):
            yield errors.invalid_value(path, kind, "Approved and Denied conditions are mutually exclusive")
        if kind in seen:
            yield errors.duplicate(f"{path}[{index}].type", kind)
        seen.add(kind)


def _of_kind(obj: Object, kind: str) -> list[Object]:
    return [c for c in shape.items(shape.mapping(obj, "status"), "conditions") if c.get("type") == kind]


def approval_problems(new: Object, old: Object) -> Causes:
    """The rules of the approval subresource, besides the object's own."""
    yield from _conditions(new)
    for kind in _FINAL:
        if len(_of_kind(new, kind)) < len(_of_kind(old, kind)):
            yield errors.forbidden_field("status.conditions", f'updates may not remove a condition of type "{kind}"')


def _status_rules(new: Object, old: Object) -> Causes:
    yield from approval_problems(new, old)
    for kind in sorted(_DECISIONS):
        given, before = _of_kind(new, kind), _of_kind(old, kind)
        if len(given) > len(before):
            yield errors.forbidden_field("status.conditions", f'updates may not add a condition of type "{kind}"')
        elif len(given) == len(before) and given != before:
            yield errors.forbidden_field("status.conditions", f'updates may not modify a condition of type "{kind}"')
    certificate = shape.mapping(new, "status").get("certificate") or None
    was = shape.mapping(old, "status").get("certificate") or None
    if certificate == was:
        return
    problem = certificate_pem.chain_problem(certificate)
    if problem:
        yield errors.invalid_value("status.certificate", "<certificate data>", problem)
    if was:
        yield errors.forbidden_field("status.certificate", "updates may not modify existing certificate content")


def stamp(new: Object, old: Object, now: str) -> None:
    """When each condition was written and last changed, where it does not say; `now` is a timestamp."""
    status = shape.mapping(new, "status")
    if not shape.items(status, "conditions"):
        return
    conditions = [_stamped(one, old, now) if type(one) is dict else one for one in status["conditions"]]
    new["status"] = status | {"conditions": conditions}


def _stamped(condition: Object, old: Object, now: str) -> Object:
    stamped = dict(condition)
    shape.fill_zero(stamped, "lastUpdateTime", now)
    if not stamped.get("lastTransitionTime"):
        same = [c for c in _of_kind(old, shape.text(condition, "type")) if c.get("status") == condition.get("status")]
        since = next((c["lastTransitionTime"] for c in same if c.get("lastTransitionTime")), now)
        stamped["lastTransitionTime"] = since
    return stamped


def _prepare_status(new: Object, old: Object, context: Context) -> None:
    _STRATEGY.prepare_status(new, old, context)
    stamp(new, old, timestamps.format(context.now))


def _fields(obj: Object) -> dict[str, str]:
    return {"spec.signerName": shape.text(shape.mapping(obj, "spec"), "signerName")}


def _state(obj: Object) -> str:
    status = shape.mapping(obj, "status")
    kinds = {shape.text(condition, "type") for condition in shape.items(status, "conditions")}
    if "Denied" in kinds:
        states = ["Denied"]
    elif "Approved" in kinds:
        states = ["Approved"]
    else:
        states = ["Pending"]
    if "Failed" in kinds:
        states.append("Failed")
    if status.get("certificate"):
        states.append("Issued")
    return ",".join(states)


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    seconds = shape.integer(spec, "expirationSeconds")
    return [
        columns.name(obj),
        columns.age(obj, now),
        columns.or_none(spec.get("signerName")),
        shape.text(spec, "username"),
        columns.NONE if seconds is None else duration.human(seconds),
        _state(obj),
    ]


_STRATEGY = generic.make(
    name_rule=metadata.path_segment,
    create=_create,
    update=_update,
    rules=_rules,
    status_rules=_status_rules,
    fields=_fields,
    columns=(
        columns.NAME,
        columns.AGE,
        Column("SignerName", description="Who is asked to sign."),
        Column("Requestor", description="Who asks."),
        Column("RequestedDuration", description="How long the certificate should last."),
        Column("Condition", description="What was decided."),
    ),
    cells=_cells,
    status=True,
)
STRATEGY = dataclasses.replace(_STRATEGY, prepare_status=_prepare_status, doors={"approval": approval_problems})
