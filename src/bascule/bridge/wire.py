"""The desired span's values as the messages of delta xDS (`envoy.service.discovery.v3`), and back.

A resource's body travels as it is stored, in the `Any` that xDS asks for. Decoding raises ValueError for what
cannot be meant, never anything else.
"""

from __future__ import annotations

import json
from typing import Any

from envoy.service.discovery.v3 import discovery_pb2

from bascule.bridge import messages
from bascule.bridge.session import exchange

TYPE_PREFIX = "type.bascule.dev/"
_REFUSALS = TYPE_PREFIX + "refusals"
_POSITION = "bascule.dev/position"
_CONFIRMED = "confirmed"


def encode_request(request: exchange.Request) -> Any:
    message = discovery_pb2.DeltaDiscoveryRequest(
        type_url=TYPE_PREFIX + request.kind,
        resource_names_subscribe=request.subscribe,
        resource_names_unsubscribe=request.unsubscribe,
        initial_resource_versions=request.claims,
        response_nonce=request.nonce,
    )
    if request.node:
        message.node.id = request.node
    if request.known is not None:
        message.node.metadata[_POSITION] = request.known.text()
    if request.problem is not None:
        problem = request.problem
        message.error_detail.code = int(problem.objection)
        message.error_detail.message = problem.message
        if problem.refusals:
            message.error_detail.details.add(type_url=_REFUSALS, value=json.dumps(problem.refusals).encode())
    return message


def decode_request(message: Any) -> exchange.Request:
    known = None
    if _POSITION in message.node.metadata:
        known = messages.Position.parse(str(message.node.metadata[_POSITION]))
    return exchange.Request(
        kind=_kind(message.type_url),
        node=message.node.id,
        known=known,
        subscribe=tuple(message.resource_names_subscribe),
        unsubscribe=tuple(message.resource_names_unsubscribe),
        claims=dict(message.initial_resource_versions),
        nonce=message.response_nonce,
        problem=_problem(message.error_detail) if message.HasField("error_detail") else None,
    )


def encode_response(response: exchange.Response) -> Any:
    update = response.update
    message = discovery_pb2.DeltaDiscoveryResponse(
        system_version_info=update.position.text(),
        type_url=TYPE_PREFIX + update.kind,
        nonce=response.nonce,
        removed_resources=update.removed,
    )
    for desired in update.put:
        resource = message.resources.add(name=desired.name, version=desired.version)
        resource.resource.type_url = message.type_url
        resource.resource.value = desired.body
    if update.confirmed:
        message.control_plane.identifier = _CONFIRMED
    return message


def decode_response(message: Any) -> exchange.Response:
    kind = _kind(message.type_url)
    put = tuple(
        messages.Desired(kind, resource.name, resource.version, resource.resource.value)
        for resource in message.resources
    )
    update = messages.Update(
        kind,
        messages.Position.parse(message.system_version_info),
        put,
        tuple(message.removed_resources),
        message.control_plane.identifier == _CONFIRMED,
    )
    return exchange.Response(message.nonce, update)


def _kind(type_url: str) -> str:
    if not type_url.startswith(TYPE_PREFIX):
        raise ValueError(f"not a kind that crosses the bridge: {type_url!r}")
    return type_url.removeprefix(TYPE_PREFIX)


def _problem(detail: Any) -> exchange.Problem:
    try:
        objection = messages.Objection(detail.code)
    except ValueError:
        objection = messages.Objection.CONTENT
    refusals: tuple[messages.Refusal, ...] = ()
    for item in detail.details:
        if item.type_url == _REFUSALS:
            refusals = tuple(messages.Refusal(str(name), str(reason)) for name, reason in json.loads(item.value))
    return exchange.Problem(objection, detail.message, refusals)
