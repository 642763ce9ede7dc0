"""Which objects a list, a watch or a deletecollection is about, and as of which version."""

from __future__ import annotations

import base64
from typing import Any, Final, Literal, NamedTuple

import orjson

from bascule.control.api import call as calls
from bascule.control.api import route
from bascule.control.cache import errors as cache_errors
from bascule.control.cache import scope
from bascule.vocabulary import errors, fields, labels, objects

TERMS_MAX: Final = 100
Match = Literal["", "Exact", "NotOlderThan"]


class Selection(NamedTuple):
    within: scope.Scope
    labels: labels.Selector
    fields: fields.FieldSelector


class Continue(NamedTuple):
    """A page's end. `revision` -1: whatever is current, for those whose first revision has expired."""

    revision: int
    after: objects.Key

    def token(self) -> str:
        start = f"{self.after.text()}\x00"
        text = orjson.dumps({"v": "meta.k8s.io/v1", "rv": self.revision, "start": start})
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def selection(call: calls.Call) -> Selection:
    """From the path and the selectors; 400 for what cannot be read or selected by."""
    parameters = call.parameters
    by_labels, by_fields = labels.EVERYTHING, fields.EVERYTHING
    if parameters.get("labelSelector"):
        by_labels = labels.parse(parameters["labelSelector"])
    if parameters.get("fieldSelector"):
        by_fields = fields.parse(parameters["fieldSelector"])
        for requirement in by_fields.requirements:
            if requirement.field not in call.endpoint.selectable:
                raise errors.bad_request(f"field label not supported: {requirement.field}")
    terms = len(by_labels.requirements) + len(by_fields.requirements)
    if terms > TERMS_MAX:
        raise errors.bad_request(f"a selector of {terms} terms: at most {TERMS_MAX} are looked at for each object")
    if call.verb == "watch" and call.name:
        own = fields.Requirement("metadata.name", "=", call.name)
        by_fields = fields.FieldSelector((*by_fields.requirements, own))
    if call.endpoint.form is not None:
        by_fields = call.endpoint.form.selector(by_fields)
    elif call.endpoint.conversion is not None:
        stored = call.endpoint.conversion.fields
        by_fields = fields.FieldSelector(
            tuple(each._replace(field=stored.get(each.field, each.field)) for each in by_fields.requirements)
        )
    cluster = None if call.cluster == route.EVERY_CLUSTER else call.cluster
    return Selection(scope.Scope(cluster, call.namespace or None), by_labels, by_fields)


def version(text: str, *, parameter: str = "resourceVersion") -> int | None:
    """A version as a number, None when absent; 400 (as upstream, an Invalid) for what is no version."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        cause = errors.invalid_value(parameter, text[:64], f'strconv.ParseUint: parsing "{text[:64]}": invalid syntax')
        raise errors.invalid("ListOptions", "meta.k8s.io", "", [cause])
    return int(text)


def match(call: calls.Call) -> Match:
    """The `resourceVersionMatch` parameter."""
    text = call.parameters.get("resourceVersionMatch", "")
    if text not in ("", "Exact", "NotOlderThan"):
        supported = ["Exact", "NotOlderThan", ""]
        raise invalid("resourceVersionMatch", errors.not_supported, text, supported, in_order=True)
    return text  # type: ignore[return-value]


def invalid(field: str, cause: Any, *arguments: Any, **manner: Any) -> errors.StatusError:
    return errors.invalid("ListOptions", "meta.k8s.io", "", [cause(field, *arguments, **manner)])


def continued(text: str) -> Continue:
    """The page to go on with; 400 for a token that this server did not make."""
    try:
        value = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if value["v"] != "meta.k8s.io/v1":
            raise ValueError("unknown version of continue tokens")
        start = str(value["start"])
        revision = int(value["rv"])
        if not start.endswith("\x00") or revision < -1 or revision == 0 or revision >= 1 << 63:
            raise ValueError("not a page's end")
        return Continue(revision, objects.Key.parse(start[:-1]))
    except (ValueError, KeyError, TypeError) as error:
        raise errors.bad_request(f"continue key is not valid: {error}") from error


def too_new(error: cache_errors.Future) -> errors.StatusError:
    """504, in the words by which clients know that they must wait."""
    cause = errors.Cause("ResourceVersionTooLarge", "", "Too large resource version")
    return errors.timeout(
        f"Too large resource version: {error.revision}, current: {error.newest}", cause, retry_after_seconds=1
    )


def expired(error: cache_errors.Expired) -> errors.StatusError:
    return errors.expired(f"too old resource version: {error.revision} ({error.oldest})")
