"""Which objects a list, a watch or a deletecollection is about, and as of which version."""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson

from bascule.control.api import call as calls
from bascule.control.api import options, route
from bascule.control.cache import errors as cache_errors
from bascule.control.cache import scope
from bascule.vocabulary import errors, fields, labels

TERMS_MAX: Final = 100
_VERSION_END: Final = 1 << 64
_VERSION_DIGITS_MAX: Final = 20
_OF_ALL_KINDS: Final = frozenset({"metadata.name", "metadata.namespace"})


class Selection(NamedTuple):
    within: scope.Scope
    labels: labels.Selector
    fields: fields.FieldSelector


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
                raise _unselectable(call, requirement.field)
    terms = len(by_labels.requirements) + len(by_fields.requirements)
    if terms > TERMS_MAX:
        raise errors.bad_request(f"a selector of {terms} terms: at most {TERMS_MAX} are looked at for each object")
    if call.verb == "watch" and call.name:
        own = fields.Requirement("metadata.name", "=", call.name)
        if by_fields.requirements and by_fields.exact("metadata.name") != call.name:
            raise errors.bad_request("fieldSelector metadata.name doesn't match requested name")
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


def _unselectable(call: calls.Call, field: str) -> errors.StatusError:
    """400; of built-in kinds with no fields of their own in other words."""
    if call.endpoint.prune is None and call.endpoint.selectable == _OF_ALL_KINDS:
        shown = orjson.dumps(field).decode()
        return errors.bad_request(f'{shown} is not a known field selector: only "metadata.name", "metadata.namespace"')
    return errors.bad_request(f"field label not supported: {field}")


def version(text: str) -> int | None:
    """A version as a number, None when absent; 400 for what is no version."""
    if not text:
        return None
    problem = "" if text.isascii() and text.isdigit() else "invalid syntax"
    number = int(text) if not problem and len(text) <= _VERSION_DIGITS_MAX else 0
    if len(text) > _VERSION_DIGITS_MAX or number >= _VERSION_END:
        problem = problem or "value out of range"
    if problem:
        cause = errors.invalid_value("", text[:64], options.unparsed("strconv.ParseUint", text, problem))
        raise errors.bad_request(f"invalid resource version: resourceVersion: {cause.message}")
    return number


def too_new(error: cache_errors.Future) -> errors.StatusError:
    """504, in the words by which clients know that they must wait."""
    cause = errors.Cause("ResourceVersionTooLarge", "", "Too large resource version")
    return errors.timeout(
        f"Too large resource version: {error.revision}, current: {error.newest}", cause, retry_after_seconds=1
    )


def expired(error: cache_errors.Expired) -> errors.StatusError:
    return errors.expired(f"too old resource version: {error.revision} ({error.oldest})")
