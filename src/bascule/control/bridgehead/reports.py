"""What nodes report, written to the API as the node that reported it.

A report is acknowledged when it is in the store, or when it can never be (then with the reason). Until then it is
tried again, the newest of each (kind, name) only. A pod's status is written only to the pod of that uid, and only if
the API does not have it already: a node that comes back says everything again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Any

import msgspec
import orjson

from bascule.bridge import control, messages, transport
from bascule.client import api, faults
from bascule.control.bridgehead import acting, mirror, standing, world
from bascule.vocabulary import builtins, errors, objects
from bascule.vocabulary import clock as clocks

CONCURRENT_WRITES = 32

_log = logging.getLogger(__name__)


class Rejected(Exception):
    """This report will never be written; the text says why."""


class Reports:
    def __init__(self, client: api.Client, known: world.World, clock: clocks.Clock) -> None:
        self._client = client
        self._world = known
        self._clock = clock
        self._writing = asyncio.Semaphore(CONCURRENT_WRITES)
        self._mirror = mirror.Mirror()
        self.standing = standing.Standing(client, known, clock)

    def inbox(self, node: str, link: control.ActualLink) -> Inbox:
        return Inbox(self, node, link, self._clock)

    async def write(self, node: str, report: messages.Report) -> None:
        """Raises Rejected for ever, StatusError and Unreachable for now."""
        async with self._writing:
            try:
                body = orjson.loads(report.body)
                if not isinstance(body, dict):
                    raise Rejected("the body is not an object")
                if report.kind == messages.POD_STATUS:
                    await self._pod_status(node, objects.Key.parse(report.name), body)
                elif report.kind == messages.POD_FINISHED:
                    await self._pod_finished(node, objects.Key.parse(report.name), body)
                elif report.kind == messages.NODE_STATUS:
                    await self.standing.say(node, body)
                elif report.kind == messages.EVENT:
                    await self._event(node, body)
                else:
                    raise Rejected(f"nobody knows reports of kind {report.kind}")
            except (orjson.JSONDecodeError, ValueError) as error:
                raise Rejected(f"the report cannot be read: {error}") from error
            except errors.StatusError as error:
                if error.code in (400, 403, 405, 413, 415, 422):
                    raise Rejected(error.message) from error
                raise

    async def _pod_status(self, node: str, key: objects.Key, body: dict[str, Any]) -> None:
        uid = body.get("uid") or ""
        reported = body.get("status")
        status: dict[str, Any] = (
            dict(reported) if isinstance(reported, dict) else {k: v for k, v in body.items() if k != "uid"}
        )
        if isinstance(status.get("conditions"), list):
            status["conditions"] = [_whole(condition) for condition in status["conditions"]]
        what = (messages.POD_STATUS, key.text())
        known = self._world.object("pods", key.text())
        if (
            known is not None
            and objects.uid(known) == uid
            and self._mirror.reflects(what, known)
            and mirror.covers(known.get("status") or {}, status)
        ):
            return
        self._mirror.begin(what)
        for field in ("podIPs", "hostIPs"):
            if isinstance(status.get(field), list):
                status[field] = [{"$patch": "replace"}, *status[field]]
        try:
            answer = await self._client.patch(
                builtins.PODS,
                key.name,
                {"metadata": {"uid": uid}, "status": status},
                kind="strategic",
                namespace=key.namespace,
                cluster=key.cluster,
                subresource="status",
                **acting.as_node(node),
            )
        except errors.StatusError as error:
            if error.code == 404 or (error.code in (409, 422) and await self._is_another(node, key, uid)):
                _log.info("status of %s is late: that pod is gone", key.text())
                return
            raise
        self._mirror.wrote(what, answer)

    async def _pod_finished(self, node: str, key: objects.Key, body: dict[str, Any]) -> None:
        try:
            await self._client.delete(
                builtins.PODS,
                key.name,
                namespace=key.namespace,
                cluster=key.cluster,
                uid=body.get("uid") or "",
                grace_seconds=0,
                **acting.as_node(node),
            )
        except errors.StatusError as error:
            if error.code != 404 and not (error.code == 409 and await self._is_another(node, key, body.get("uid"))):
                raise

    async def _is_another(self, node: str, key: objects.Key, uid: Any) -> bool:
        """Whether the pod of this uid is gone, read from the store."""
        try:
            pod = await self._client.get(
                builtins.PODS, key.name, namespace=key.namespace, cluster=key.cluster, **acting.as_node(node)
            )
        except errors.StatusError as error:
            if error.code in (403, 404):  # another node's pod of the same name is none of this node's business
                return True
            raise
        return bool(objects.uid(pod) != uid)

    async def _event(self, node: str, body: dict[str, Any]) -> None:
        key = objects.key(body)
        try:
            await self._client.create(builtins.EVENTS, body, cluster=key.cluster, **acting.as_node(node))
        except errors.StatusError as error:
            if error.code == 404 or (error.code == 403 and "is being terminated" in error.message):
                _log.info("event %s is late: its namespace is gone, and what it speaks of too", key.text())
                return
            if error.code != 409:
                raise
            changed = {field: body[field] for field in ("count", "lastTimestamp", "message") if field in body}
            await self._client.patch(
                builtins.EVENTS,
                key.name,
                changed,
                namespace=key.namespace,
                cluster=key.cluster,
                **acting.as_node(node),
            )


class Inbox:
    """One link's reports: the newest of each (kind, name) is being written, one at a time."""

    def __init__(self, reports: Reports, node: str, link: control.ActualLink, clock: clocks.Clock) -> None:
        self._reports = reports
        self._node = node
        self._link = link
        self._clock = clock
        self._waiting: dict[tuple[str, str], messages.Report] = {}
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    def take(self, message: messages.Reports) -> None:
        for parts in message.reports:
            report = messages.Report(*parts)
            key = (report.kind, report.name)
            self._waiting[key] = report
            if key not in self._tasks:
                self._tasks[key] = asyncio.create_task(self._settle(key))

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _settle(self, key: tuple[str, str]) -> None:
        backoff = transport.Backoff(random.Random(), first_seconds=0.1)
        try:
            while (report := self._waiting.get(key)) is not None:
                rejected: dict[int, str] = {}
                try:
                    await self._reports.write(self._node, report)
                except Rejected as error:
                    _log.warning("report %s %s of %s rejected: %s", *key, self._node, error)
                    rejected[report.sequence] = str(error)
                except (errors.StatusError, faults.Unreachable) as error:
                    _log.info("report %s %s of %s waits: %s", *key, self._node, error)
                    await self._clock.sleep(backoff.pause_seconds())
                    continue
                if self._waiting.get(key) is report:
                    del self._waiting[key]
                await self._link.send(messages.Acknowledged([report.sequence], rejected))
        except (ConnectionError, TimeoutError, msgspec.EncodeError) as error:
            _log.info("%s cannot be told of its report: %r", self._node, error)
        except Exception:  # the link is gone with the stream; the node sends again what was not acknowledged
            _log.debug("report not settled", exc_info=True)
        finally:
            self._tasks.pop(key, None)


def _whole(condition: dict[str, Any]) -> dict[str, Any]:
    """Merged as it is, a condition would keep what was said of its former state."""
    return {"reason": None, "message": None} | condition
