"""Errors in the API's own form: each carries the ``Status`` that a client receives.

Clients branch on reason and code, so both are fixed here, once. Messages of causes follow upstream's wording
(apimachinery ``field`` errors), because tools and people match on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from bascule.vocabulary import quoting
from bascule.vocabulary.objects import Object


class Cause(NamedTuple):
    """One reason for a refusal: its type (``FieldValueInvalid`` …), the field's path, and a message."""

    type: str
    field: str
    message: str


class StatusError(Exception):
    """A refusal or failure that has a place in the API: HTTP code, reason, message and details."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.continue_token: str | None = None

    def status(self) -> Object:
        """The ``Status`` object to send."""
        metadata: dict[str, Any] = {}
        if self.continue_token is not None:
            metadata["continue"] = self.continue_token
        status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": metadata,
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if not self.reason:
            del status["reason"]
        if self.details:
            status["details"] = self.details
        return status

    @classmethod
    def from_status(cls, status: Object) -> StatusError:
        """The error a ``Status`` answer stands for."""
        error = cls(
            status.get("code") or 500,
            status.get("reason") or "",
            status.get("message") or "",
            status.get("details"),
        )
        error.continue_token = (status.get("metadata") or {}).get("continue")
        return error


def _split(qualified: str) -> dict[str, Any]:
    plural, _, group = qualified.partition(".")
    return {"group": group, "kind": plural} if group else {"kind": plural}


def _details(qualified: str, name: str) -> dict[str, Any]:
    return {"name": name, **_split(qualified)} if name else _split(qualified)


def _causes(causes: Iterable[Cause]) -> list[dict[str, str]]:
    return [
        {key: value for key, value in (("reason", c.type), ("message", c.message), ("field", c.field)) if value}
        for c in causes
    ]


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def unauthorized(message: str = "Unauthorized") -> StatusError:
    return StatusError(401, "Unauthorized", message)


def forbidden(message: str, *, resource: str = "", name: str = "") -> StatusError:
    """``resource`` qualified (``pods``, ``deployments.apps``); the message is completed as upstream does."""
    if not resource:
        return StatusError(403, "Forbidden", message)
    subject = f'{resource} "{name}"' if name else resource
    return StatusError(403, "Forbidden", f"{subject} is forbidden: {message}", _details(resource, name))


def not_found(resource: str, name: str) -> StatusError:
    return StatusError(404, "NotFound", f'{resource} "{name}" not found', _details(resource, name))


def path_not_found() -> StatusError:
    """An unknown path, or a resource the server does not have."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def method_not_allowed(
    message: str = "the server does not allow this method on the requested resource",
) -> StatusError:
    return StatusError(405, "MethodNotAllowed", message, {})


def not_acceptable(accepted: Sequence[str]) -> StatusError:
    message = f"only the following media types are accepted: {', '.join(accepted)}"
    return StatusError(406, "NotAcceptable", message)


def unsupported_media_type(supported: Sequence[str]) -> StatusError:
    message = "the body of the request was in an unknown format - accepted media types include: " + ", ".join(supported)
    return StatusError(415, "UnsupportedMediaType", message)


def already_exists(resource: str, name: str) -> StatusError:
    return StatusError(409, "AlreadyExists", f'{resource} "{name}" already exists', _details(resource, name))


def conflict(resource: str, name: str, message: str) -> StatusError:
    text = f'Operation cannot be fulfilled on {resource} "{name}": {message}'
    return StatusError(409, "Conflict", text, _details(resource, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def apply_conflict(causes: Sequence[Cause], message: str) -> StatusError:
    return StatusError(409, "Conflict", message, {"causes": _causes(causes)})


def gone(message: str) -> StatusError:
    return StatusError(410, "Gone", message)


def expired(message: str, continue_token: str | None = None) -> StatusError:
    error = StatusError(410, "Expired", message)
    error.continue_token = continue_token
    return error


def too_large(message: str) -> StatusError:
    return StatusError(413, "RequestEntityTooLarge", f"Request entity is too large: {message}")


def invalid(kind: str, group: str, name: str, causes: Sequence[Cause]) -> StatusError:
    """422 with every cause; the message lists them all, as upstream's aggregate does."""
    qualified = f"{kind}.{group}" if group else kind
    listed = [f"{c.field}: {c.message}" if c.field else c.message for c in causes]
    listed = list(dict.fromkeys(listed))
    text = listed[0] if len(listed) == 1 else "[" + ", ".join(listed) + "]"
    summary = f'{qualified} "{name}" is invalid' + (f": {text}" if listed else "")
    details: dict[str, Any] = {"name": name, "group": group, "kind": kind, "causes": _causes(causes)}
    details = {key: value for key, value in details.items() if value}
    return StatusError(422, "Invalid", summary, details)


def too_many_requests(message: str, retry_after_seconds: int) -> StatusError:
    return StatusError(429, "TooManyRequests", message, {"retryAfterSeconds": retry_after_seconds})


def internal(message: str) -> StatusError:
    return StatusError(500, "InternalError", f"Internal error occurred: {message}", {"causes": [{"message": message}]})


def server_timeout(resource: str, action: str, retry_after_seconds: int = 0) -> StatusError:
    message = f"The {action} operation against {resource} could not be completed at this time, please try again."
    details = {"name": action, **_split(resource), "retryAfterSeconds": retry_after_seconds}
    return StatusError(500, "ServerTimeout", message, {k: v for k, v in details.items() if v})


def service_unavailable(message: str, retry_after_seconds: int = 0) -> StatusError:
    details = {"retryAfterSeconds": retry_after_seconds} if retry_after_seconds else None
    return StatusError(503, "ServiceUnavailable", message, details)


def timeout(message: str, cause: Cause | None = None, retry_after_seconds: int = 0) -> StatusError:
    details: dict[str, Any] = {"causes": _causes([cause])} if cause else {}
    if retry_after_seconds:
        details["retryAfterSeconds"] = retry_after_seconds
    return StatusError(504, "Timeout", f"Timeout: {message}", details)


def _shown(value: Any) -> str:
    """A value inside a message: text in quotes, everything else as JSON."""
    if isinstance(value, str):
        return quoting.quoted(value)
    if isinstance(value, (dict, list, bool)) or value is None:
        return orjson.dumps(value).decode()
    return str(value)


def required(field: str, message: str = "") -> Cause:
    return Cause("FieldValueRequired", field, "Required value" + (f": {message}" if message else ""))


def invalid_value(field: str, value: Any, message: str) -> Cause:
    return Cause("FieldValueInvalid", field, f"Invalid value: {_shown(value)}: {message}")


def invalid_field(field: str, message: str) -> Cause:
    """Invalid as a whole, where showing the value would say nothing."""
    return Cause("FieldValueInvalid", field, f"Invalid value: {message}")


def type_invalid(field: str, value: Any, message: str) -> Cause:
    return Cause("FieldValueTypeInvalid", field, f"Invalid value: {_shown(value)}: {message}")


def not_supported(field: str, value: Any, supported: Iterable[Any], *, in_order: bool = False) -> Cause:
    """Supported values are listed by name, or `in_order` as given where upstream's list is not sorted."""
    listed = ", ".join(_shown(v) for v in (supported if in_order else sorted(supported, key=str)))
    return Cause("FieldValueNotSupported", field, f"Unsupported value: {_shown(value)}: supported values: {listed}")


def duplicate(field: str, value: Any) -> Cause:
    return Cause("FieldValueDuplicate", field, f"Duplicate value: {_shown(value)}")


def value_not_found(field: str, value: Any) -> Cause:
    return Cause("FieldValueNotFound", field, f"Not found: {_shown(value)}")


def forbidden_field(field: str, message: str) -> Cause:
    return Cause("FieldValueForbidden", field, f"Forbidden: {message}")


def too_long(field: str, limit_bytes: int) -> Cause:
    return Cause("FieldValueTooLong", field, f"Too long: may not be more than {limit_bytes} bytes")


def too_many(field: str, count: int, limit: int) -> Cause:
    return Cause("FieldValueTooMany", field, f"Too many: {count}: must have at most {limit} items")


IMMUTABLE = "field is immutable"
