"""CertificateSigningRequests. Who asks (`spec.username`, …) is set by the API server before `prepare_create`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, duration, generic, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_SECONDS_MIN = 600


def _update(new: Object, old: Object, context: Context) -> None:
    """A request is never rewritten, only decided."""
    if "spec" in old:
        new["spec"] = old["spec"]


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from check.required("spec.request", spec.get("request"))
    if not spec.get("usages"):
        yield errors.required("spec.usages", "")
    signer = shape.text(spec, "signerName")
    if not signer:
        yield errors.required("spec.signerName", "")
    elif "/" not in signer:
        yield errors.invalid_value(
            "spec.signerName",
            signer,
            "must be a fully qualified domain and path of the form 'example.com/signer-name'",
        )
    seconds = spec.get("expirationSeconds")
    if type(seconds) is int and seconds < _SECONDS_MIN:
        yield errors.invalid_value(
            "spec.expirationSeconds", seconds, "may not specify a duration less than 600 seconds (10 minutes)"
        )


def _status_rules(new: Object, old: Object) -> Causes:
    status, before = shape.mapping(new, "status"), shape.mapping(old, "status")
    if before.get("certificate") and status.get("certificate") != before.get("certificate"):
        yield errors.forbidden_field("status.certificate", "updates may not modify an existing certificate")


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


STRATEGY = generic.make(
    name_rule=metadata.path_segment,
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
