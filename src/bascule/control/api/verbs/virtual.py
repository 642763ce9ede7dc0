"""Kinds that are asked rather than stored: access reviews, token reviews, bindings posted to a namespace."""

from __future__ import annotations

from aiohttp import web

from bascule.control.access import review
from bascule.control.api import body
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.subresources import binding
from bascule.control.api.wire import negotiate, respond
from bascule.vocabulary import builtins, errors, objects


async def create(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """201 with the object and its status filled in; there is neither a table nor a metadata form of it."""
    if call.accept.shape != "object":
        call.accept = negotiate.accept(call.headers.get("Accept", ""), transforms=False)
    obj = await body.read(call)
    if call.resource is builtins.BINDINGS:
        return await _bind(platform, call, obj)
    platform.admission.validate(call.admission("CREATE"), obj)
    obj.setdefault("metadata", {})
    match call.resource.plural:
        case "tokenreviews":
            review.token(obj, platform.authenticator, call.cluster)
        case "selfsubjectreviews":
            review.subject(obj, call.user)
        case "selfsubjectrulesreviews":
            review.rules(obj, call.user, platform.authorizer, call.cluster)
        case _:
            _in_place(call, obj)
            review.access(obj, call.user, platform.authorizer, call.cluster)
    return respond.value(obj, code=201, encoding=call.accept.encoding, warnings=call.warnings)


def _in_place(call: calls.Call, obj: objects.Object) -> None:
    """A local review is about the namespace it is posted to."""
    if not call.resource.namespaced:
        return
    if obj["metadata"].get("namespace") not in (None, "", call.namespace):
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    obj["metadata"]["namespace"] = call.namespace


async def _bind(platform: platforms.Platform, call: calls.Call, obj: objects.Object) -> web.StreamResponse:
    call.endpoint = platform.endpoint_of(builtins.PODS)
    call.name, call.subresource = objects.name(obj), "binding"
    await binding.assign(platform, call, obj)
    return respond.success(code=201)
