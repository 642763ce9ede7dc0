"""Calls to containerd over its unix socket; errors become `RuntimeFault` with the words of pod statuses."""

from __future__ import annotations

from typing import Any

import grpc

from bascule.data.runtime import contract
from bascule.data.runtime.containerd import schema

NAMESPACE = (("containerd-namespace", "k8s.io"),)
SECONDS = 60.0
_IMAGE = frozenset({"ImageStatus", "PullImage"})
_REASONS = {
    "RunPodSandbox": "FailedCreatePodSandBox",
    "CreateContainer": "CreateContainerError",
    "StartContainer": "RunContainerError",
    "PullImage": "ErrImagePull",
    "ImageStatus": "ImageInspectError",
}


class Calls:
    def __init__(self, socket: str) -> None:
        options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.default_authority", "localhost")]
        self._channel = grpc.aio.insecure_channel(f"unix:{socket}", options=options)

    async def close(self) -> None:
        await self._channel.close()

    async def cri(self, method: str, *, timeout_seconds: float = SECONDS, **fields: Any) -> Any:
        """A CRI call by its method's name, with its request's fields."""
        service = "ImageService" if method in _IMAGE else "RuntimeService"
        request = schema.message(schema.CRI, f"{method}Request")(**fields)
        answer = schema.message(schema.CRI, f"{method}Response")
        return await self._unary(f"/{schema.CRI}.{service}/{method}", request, answer, timeout_seconds)

    async def task(
        self, method: str, request: str, answer: str, *, timeout_seconds: float | None = SECONDS, **fields: Any
    ) -> Any:
        """A call of containerd's task service; `timeout_seconds` None waits for ever."""
        message = schema.message(schema.TASKS, request)(**fields)
        reply = schema.message(schema.TASKS, answer)
        return await self._unary(f"/{schema.TASKS}.Tasks/{method}", message, reply, timeout_seconds)

    async def container(self, container_id: str) -> Any:
        request = schema.message(schema.CONTAINERS, "GetContainerRequest")(id=container_id)
        answer = schema.message(schema.CONTAINERS, "GetContainerResponse")
        return (await self._unary(f"/{schema.CONTAINERS}.Containers/Get", request, answer, SECONDS)).container

    def events(self, *filters: str) -> Any:
        """A stream of envelopes."""
        request = schema.message(schema.EVENTS, "SubscribeRequest")(filters=list(filters))
        call = self._channel.unary_stream(
            f"/{schema.EVENTS}.Events/Subscribe",
            request_serializer=lambda value: value.SerializeToString(),
            response_deserializer=schema.message(schema.EVENTS, "Envelope").FromString,
        )
        return call(request, metadata=NAMESPACE)

    async def _unary(self, path: str, request: Any, answer: Any, timeout_seconds: float | None) -> Any:
        call = self._channel.unary_unary(
            path,
            request_serializer=lambda value: value.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        try:
            return await call(request, timeout=timeout_seconds, metadata=NAMESPACE)
        except grpc.aio.AioRpcError as error:
            raise _fault(path.rpartition("/")[2], error) from error


class Unreachable(contract.RuntimeFault):
    """containerd itself does not answer."""


class NotFound(contract.RuntimeFault):
    """What the call was about does not exist."""


def _fault(method: str, error: grpc.aio.AioRpcError) -> Exception:
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimeoutError(f"{method}: {details}")
    if code is grpc.StatusCode.UNAVAILABLE:
        return Unreachable("RuntimeUnavailable", f"containerd does not answer: {details}")
    if code is grpc.StatusCode.NOT_FOUND:
        return NotFound("NotFound", details)
    reason = _REASONS.get(method, "RuntimeError")
    if method == "StartContainer" and "OCI runtime create failed" in details:
        reason = "StartError"
    return contract.RuntimeFault(reason, details)
