"""serviceaccounts/token: a token for a service account, signed here and stored nowhere."""

from __future__ import annotations

from aiohttp import web

from bascule.control.api import body
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.wire import respond
from bascule.control.schema import catalog, types
from bascule.vocabulary import errors


async def request(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """201 with the TokenRequest and its token."""
    schema = catalog.schema_of("authentication.k8s.io/v1", "TokenRequest") or types.ANYTHING
    asked = await body.read(call, api_version="authentication.k8s.io/v1", kind="TokenRequest", schema=schema)
    metadata = asked.get("metadata") or {}
    if metadata.get("namespace") not in (None, "", call.namespace):
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if metadata.get("name") not in (None, "", call.name):
        text = f"the name of the object ({metadata['name']}) does not match the name on the URL ({call.name})"
        raise errors.bad_request(text)
    # Admission holds a node's request against the pods that it runs.
    platform.admission.validate(call.admission("CREATE"), asked)
    answer = platform.issuer.request(call.cluster, call.namespace, call.name, asked)
    return respond.value(answer, code=201, encoding=call.accept.encoding, warnings=call.warnings)
