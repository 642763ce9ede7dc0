"""An API server reduced to answers in order, and what it was asked."""

from __future__ import annotations

import json
from typing import Any

from bascule.vocabulary import errors


class Client:
    """Answers each call with the next of `answers[verb]` (an exception is raised), or an empty object."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str, Any, dict[str, Any]]] = []
        self.answers: dict[str, list[Any]] = {}
        self.store = {"cluster": "here", "epoch": 1, "revision": 1}
        self.away = False

    async def raw(self, method: str, path: str, **options: Any) -> bytes:
        if self.away:
            raise errors.StatusError(503, "", "away")
        return json.dumps(self.store).encode()

    async def get(self, resource: Any, name: str, **options: Any) -> Any:
        return self._answer("get", resource, name, None, options)

    async def create(self, resource: Any, body: Any, **options: Any) -> Any:
        return self._answer("create", resource, (body.get("metadata") or {}).get("name", ""), body, options)

    async def patch(self, resource: Any, name: str, body: Any, **options: Any) -> Any:
        return self._answer("patch", resource, name, body, options)

    async def delete(self, resource: Any, name: str, **options: Any) -> Any:
        return self._answer("delete", resource, name, None, options)

    def _answer(self, verb: str, resource: Any, name: str, body: Any, options: dict[str, Any]) -> Any:
        self.calls.append((verb, resource.plural, name, body, options))
        waiting = self.answers.get(verb) or []
        answer = waiting.pop(0) if waiting else {}
        if isinstance(answer, Exception):
            raise answer
        return answer


class Link:
    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def send(self, message: Any) -> None:
        self.sent.append(message)
