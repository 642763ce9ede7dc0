"""The answers of SubjectAccessReview, its relatives, SelfSubjectRulesReview, TokenReview and SelfSubjectReview."""

from typing import Any

from bascule.control.access import attributes, authentication, authorization, user
from bascule.control.access import rules as policy
from bascule.vocabulary import errors, objects

_GROUP = "authorization.k8s.io"


def access(review: objects.Object, asker: user.User, authorizer: authorization.Authorizer, cluster: str) -> None:
    """Fills `status` of a SubjectAccessReview, LocalSubjectAccessReview or SelfSubjectAccessReview in place."""
    spec = review.get("spec") or {}
    kind = review.get("kind") or ""
    who = asker if kind == "SelfSubjectAccessReview" else _subject(spec, kind, cluster)
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and path is not None:
        text = "cannot be specified in combination with resourceAttributes"
        raise errors.invalid(kind, _GROUP, "", [errors.invalid_value("spec.nonResourceAttributes", path, text)])
    if resource is None and path is None:
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise errors.invalid(kind, _GROUP, "", [errors.invalid_value("spec.resourceAttributes", None, text)])
    if kind == "LocalSubjectAccessReview" and path is not None:
        cause = errors.invalid_value("spec.nonResourceAttributes", path, "disallowed on this kind of request")
        raise errors.invalid(kind, _GROUP, "", [cause])
    if resource is not None:
        if kind == "LocalSubjectAccessReview" and resource.get("namespace") != objects.namespace(review):
            cause = errors.invalid_value(
                "spec.resourceAttributes.namespace", resource.get("namespace") or "", "must match metadata.namespace"
            )
            raise errors.invalid(kind, _GROUP, "", [cause])
        asked = attributes.Attributes(
            who,
            resource.get("verb") or "",
            cluster,
            resource.get("group") or "",
            resource.get("resource") or "",
            resource.get("subresource") or "",
            resource.get("namespace") or "",
            resource.get("name") or "",
            field_selector=_fields(resource.get("fieldSelector") or {}),
        )
    else:
        assert path is not None
        asked = attributes.Attributes(who, path.get("verb") or "", cluster, path=path.get("path") or "/")
    decision = authorizer.decide(asked)
    status: dict[str, Any] = {"allowed": decision.allowed}
    if decision.reason:
        status["reason"] = decision.reason
    review["status"] = status


def rules(review: objects.Object, asker: user.User, authorizer: authorization.Authorizer, cluster: str) -> None:
    """Fills `status` of a SelfSubjectRulesReview in place."""
    namespace = (review.get("spec") or {}).get("namespace") or ""
    if not namespace:
        raise errors.bad_request("no namespace on request")
    if user.MASTERS in asker.groups:
        everything = (policy.Rule(("*",), ("*",), ("*",)), policy.Rule(("*",), paths=("*",)))
        held = list(everything)
    else:
        held = list(authorizer.held(asker, cluster, namespace))
    review["status"] = {
        "resourceRules": [rule.document() for rule in held if not rule.paths],
        "nonResourceRules": [rule.document() for rule in held if rule.paths],
        "incomplete": asker.node_name() is not None,
    }
    if asker.node_name() is not None:
        review["status"]["evaluationError"] = "node authorizer does not support user rule resolution"


def token(review: objects.Object, authenticator: authentication.Authenticator, cluster: str) -> None:
    """Fills `status` of a TokenReview in place."""
    spec = review.get("spec") or {}
    text = spec.get("token") or ""
    if not text:
        raise errors.bad_request("token is required for TokenReview in authentication")
    try:
        verified = authenticator.review(text, cluster, tuple(spec.get("audiences") or ()))
    except errors.StatusError as error:
        review["status"] = {"user": {}, "error": error.message}
        return
    wanted = spec.get("audiences")
    audiences = [text for text in verified.audiences if not wanted or text in wanted]
    review["status"] = {"authenticated": True, "user": verified.who.info(), "audiences": audiences}


def subject(review: objects.Object, asker: user.User) -> None:
    """Fills `status` of a SelfSubjectReview in place."""
    review["status"] = {"userInfo": asker.info()}


def _subject(spec: objects.Object, kind: str, cluster: str) -> user.User:
    name, groups = spec.get("user") or "", tuple(spec.get("groups") or ())
    if not name and not groups:
        cause = errors.invalid_value("spec.user", "", "at least one of user or group must be specified")
        raise errors.invalid(kind, _GROUP, "", [cause])
    extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
    account = name.startswith(user.SERVICE_ACCOUNT_PREFIX)
    return user.User(name, groups, spec.get("uid") or "", extra, home=cluster if account else None)


def _fields(selector: dict[str, Any]) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (term.get("key") or "", term.get("operator") or "", (term.get("values") or [""])[0])
        for term in selector.get("requirements") or ()
    )
