"""The answers of SubjectAccessReview, its relatives, SelfSubjectRulesReview, TokenReview and SelfSubjectReview."""

from typing import Any

from bascule.control.access import attributes, authentication, authorization, review_causes, user
from bascule.control.access import rules as policy
from bascule.vocabulary import errors, fields, objects

_GROUP = "authorization.k8s.io"


def access(review: objects.Object, asker: user.User, authorizer: authorization.Authorizer, cluster: str) -> None:
    """Fills `status` of a SubjectAccessReview, LocalSubjectAccessReview or SelfSubjectAccessReview in place."""
    spec, kind = review.get("spec") or {}, review.get("kind") or ""
    causes = review_causes.of(review)
    if causes:
        raise errors.invalid(kind, _GROUP, "", causes)
    who = asker if kind == "SelfSubjectAccessReview" else _subject(spec, cluster)
    resource, path, problem = spec.get("resourceAttributes"), spec.get("nonResourceAttributes"), ""
    if resource is not None:
        selected, problem = _selected(resource.get("fieldSelector") or {})
        asked = attributes.Attributes(
            who,
            resource.get("verb") or "",
            cluster,
            resource.get("group") or "",
            resource.get("resource") or "",
            resource.get("subresource") or "",
            resource.get("namespace") or "",
            resource.get("name") or "",
            field_selector=selected,
        )
    else:
        assert path is not None
        asked = attributes.Attributes(who, path.get("verb") or "", cluster, path=path.get("path") or "/")
    decision = authorizer.decide(asked)
    status: dict[str, Any] = {"allowed": decision.allowed}
    if decision.reason:
        status["reason"] = decision.reason
    if problem:
        status["evaluationError"] = problem
    review["status"] = status


def rules(review: objects.Object, asker: user.User, authorizer: authorization.Authorizer, cluster: str) -> None:
    """Fills `status` of a SelfSubjectRulesReview in place."""
    namespace = (review.get("spec") or {}).get("namespace") or ""
    if not namespace:
        raise errors.bad_request("no namespace on request")
    held = authorizer.held(asker, cluster, namespace)
    if user.MASTERS in asker.groups and asker.home in (None, cluster):
        everything = (policy.Rule(("*",), ("*",), ("*",)), policy.Rule(("*",), paths=("*",)))
        held = list(dict.fromkeys((*everything, *held)))
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
        who, audiences = authenticator.review(text, cluster, tuple(spec.get("audiences") or ()))
    except errors.StatusError as error:
        failed = error.message if error.message != "Unauthorized" else "invalid bearer token"
        review["status"] = {"user": {}, "error": failed}
        return
    review["status"] = {"authenticated": True, "user": who.info(), "audiences": list(audiences)}


def subject(review: objects.Object, asker: user.User) -> None:
    """Fills `status` of a SelfSubjectReview in place."""
    review["status"] = {"userInfo": asker.info()}


def _subject(spec: objects.Object, cluster: str) -> user.User:
    name, groups = spec.get("user") or "", tuple(spec.get("groups") or ())
    extra = {key.lower(): tuple(values or ()) for key, values in (spec.get("extra") or {}).items()}
    account = name.startswith(user.SERVICE_ACCOUNT_PREFIX)
    return user.User(name, groups, spec.get("uid") or "", extra, home=cluster if account else None)


def _selected(selector: dict[str, Any]) -> tuple[tuple[tuple[str, str, str], ...], str]:
    """(requirements, what could not be read). What is not understood is left out: the question is then a wider one."""
    if selector.get("rawSelector"):
        try:
            return tuple(fields.parse(selector["rawSelector"]).requirements), ""
        except errors.StatusError as error:
            return (), error.message
    requirements, problems = [], []
    for term in selector.get("requirements") or ():
        operator, values = term.get("operator"), term.get("values") or []
        if operator in ("In", "NotIn") and len(values) == 1:
            requirements.append((term["key"], "=" if operator == "In" else "!=", values[0]))
        elif operator in ("In", "NotIn"):
            problems.append(f'fieldSelector operator "{operator}" with {len(values)} values is not supported')
        else:
            problems.append(f'fieldSelector operator "{operator}" is not supported')
    return tuple(requirements), problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]" if problems else ""
