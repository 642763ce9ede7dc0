"""Errors as clients see them: code, reason, message and details, in upstream's words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.vocabulary import errors

CAUSE = errors.Cause("FieldValueInvalid", "spec.x", 'Invalid value: "a": bad')
CAUSE_JSON = {"reason": "FieldValueInvalid", "message": 'Invalid value: "a": bad', "field": "spec.x"}

TABLE: list[tuple[errors.StatusError, int, str, str, dict[str, Any] | None]] = [
    (errors.bad_request("no"), 400, "BadRequest", "no", None),
    (errors.unauthorized(), 401, "Unauthorized", "Unauthorized", None),
    (errors.forbidden("no"), 403, "Forbidden", "no", None),
    (
        errors.forbidden("no", resource="deployments.apps", name="web"),
        403,
        "Forbidden",
        'deployments.apps "web" is forbidden: no',
        {"name": "web", "group": "apps", "kind": "deployments"},
    ),
    (errors.forbidden("no", resource="pods"), 403, "Forbidden", "pods is forbidden: no", {"kind": "pods"}),
    (errors.not_found("pods", "a"), 404, "NotFound", 'pods "a" not found', {"name": "a", "kind": "pods"}),
    (
        errors.not_found("roles.rbac.authorization.k8s.io", "a"),
        404,
        "NotFound",
        'roles.rbac.authorization.k8s.io "a" not found',
        {"name": "a", "group": "rbac.authorization.k8s.io", "kind": "roles"},
    ),
    (errors.path_not_found(), 404, "NotFound", "the server could not find the requested resource", None),
    (
        errors.method_not_allowed(),
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
        None,
    ),
    (
        errors.not_acceptable(["application/json", "application/yaml"]),
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json, application/yaml",
        None,
    ),
    (
        errors.already_exists("pods", "a"),
        409,
        "AlreadyExists",
        'pods "a" already exists',
        {"name": "a", "kind": "pods"},
    ),
    (
        errors.conflict("pods", "a", errors.MODIFIED),
        409,
        "Conflict",
        'Operation cannot be fulfilled on pods "a": the object has been modified; please apply your changes to the '
        "latest version and try again",
        {"name": "a", "kind": "pods"},
    ),
    (errors.apply_conflict([CAUSE], "m"), 409, "Conflict", "m", {"causes": [CAUSE_JSON]}),
    (errors.gone("m"), 410, "Gone", "m", None),
    (errors.expired("m"), 410, "Expired", "m", None),
    (errors.too_large("m"), 413, "RequestEntityTooLarge", "Request entity is too large: m", None),
    (
        errors.unsupported_media_type(["application/json"]),
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: application/json",
        None,
    ),
    (
        errors.invalid("Deployment", "apps", "web", [CAUSE]),
        422,
        "Invalid",
        'Deployment.apps "web" is invalid: spec.x: Invalid value: "a": bad',
        {"name": "web", "group": "apps", "kind": "Deployment", "causes": [CAUSE_JSON]},
    ),
    (errors.too_many_requests("m", 3), 429, "TooManyRequests", "m", {"retryAfterSeconds": 3}),
    (errors.internal("m"), 500, "InternalError", "Internal error occurred: m", {"causes": [{"message": "m"}]}),
    (
        errors.server_timeout("pods", "list", 2),
        500,
        "ServerTimeout",
        "The list operation against pods could not be completed at this time, please try again.",
        {"name": "list", "kind": "pods", "retryAfterSeconds": 2},
    ),
    (errors.service_unavailable("m", 1), 503, "ServiceUnavailable", "m", {"retryAfterSeconds": 1}),
    (errors.timeout("m", CAUSE, 1), 504, "Timeout", "Timeout: m", {"causes": [CAUSE_JSON], "retryAfterSeconds": 1}),
]


@pytest.mark.parametrize(("error", "code", "reason", "message", "details"), TABLE)
def test_statuses(
    error: errors.StatusError, code: int, reason: str, message: str, details: dict[str, Any] | None
) -> None:
    expected = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    expected |= {"message": message, "reason": reason, "code": code} | ({"details": details} if details else {})
    assert error.status() == expected
    assert str(error) == message


@given(st.sampled_from([row[0] for row in TABLE]))
def test_a_status_is_read_back(error: errors.StatusError) -> None:
    assert errors.StatusError.from_status(error.status()).status() == error.status()


def test_a_continue_token_travels_in_the_metadata() -> None:
    error = errors.expired("m", "token")
    assert error.status()["metadata"] == {"continue": "token"}
    assert errors.StatusError.from_status(error.status()).continue_token == "token"


@pytest.mark.parametrize("status", [{}, {"metadata": None}, {"code": None, "reason": None, "message": None}])
def test_a_status_with_nothing_in_it(status: dict[str, Any]) -> None:
    error = errors.StatusError.from_status(status)
    assert (error.code, error.reason, error.message, error.details) == (500, "", "", None)
    assert "reason" not in error.status()


def test_several_causes_are_all_listed_and_each_text_once() -> None:
    other = errors.required("spec.y", "say something")
    error = errors.invalid("Pod", "", "a", [CAUSE, other, CAUSE])
    assert error.message == (
        'Pod "a" is invalid: [spec.x: Invalid value: "a": bad, spec.y: Required value: say something]'
    )
    assert error.details is not None
    assert len(error.details["causes"]) == 3
    assert errors.invalid("Pod", "", "a", [CAUSE, CAUSE]).message.endswith(
        'is invalid: spec.x: Invalid value: "a": bad'
    )
    assert errors.invalid("Pod", "", "a", []).message == 'Pod "a" is invalid'


@pytest.mark.parametrize(
    ("cause", "type_", "message"),
    [
        (errors.required("f"), "FieldValueRequired", "Required value"),
        (errors.required("f", "m"), "FieldValueRequired", "Required value: m"),
        (errors.invalid_value("f", 'a"b', "m"), "FieldValueInvalid", 'Invalid value: "a\\"b": m'),
        (errors.invalid_value("f", 3, "m"), "FieldValueInvalid", "Invalid value: 3: m"),
        (errors.invalid_value("f", True, "m"), "FieldValueInvalid", "Invalid value: true: m"),
        (errors.invalid_value("f", None, "m"), "FieldValueInvalid", "Invalid value: null: m"),
        (errors.invalid_value("f", {"a": [1]}, "m"), "FieldValueInvalid", 'Invalid value: {"a":[1]}: m'),
        (errors.type_invalid("f", "x", "m"), "FieldValueTypeInvalid", 'Invalid value: "x": m'),
        (
            errors.not_supported("f", "x", ["b", "a"]),
            "FieldValueNotSupported",
            'Unsupported value: "x": supported values: "a", "b"',
        ),
        (errors.duplicate("f", "x"), "FieldValueDuplicate", 'Duplicate value: "x"'),
        (errors.value_not_found("f", "x"), "FieldValueNotFound", 'Not found: "x"'),
        (errors.forbidden_field("f", errors.IMMUTABLE), "FieldValueForbidden", "Forbidden: field is immutable"),
        (errors.too_long("f", 63), "FieldValueTooLong", "Too long: may not be more than 63 bytes"),
        (errors.too_many("f", 5, 3), "FieldValueTooMany", "Too many: 5: must have at most 3 items"),
    ],
)
def test_causes(cause: errors.Cause, type_: str, message: str) -> None:
    assert cause == (type_, "f", message)
