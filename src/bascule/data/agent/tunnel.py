"""What the control side asks of running pods: logs, exec, attach, port-forward, each over one tunnel stream.

Exec and attach speak the channels of `v5.channel.k8s.io`: the first byte of a message is 0 stdin, 1 stdout,
2 stderr, 3 the final status as JSON, 4 a terminal's size as JSON, 255 the end of the channel it names.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

from bascule.bridge import contracts, messages
from bascule.data.agent import dialling, documents
from bascule.data.agent.node import Node
from bascule.data.agent.patience import PatientStream
from bascule.data.agent.pods import model
from bascule.data.agent.pods.worker import Worker
from bascule.data.agent.portforward import BLOCK_BYTES, portforward
from bascule.data.runtime import contract, logs
from bascule.vocabulary import objects, timestamps

STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
TRUE = ("1", "true", "True", "TRUE")
LINGER_SECONDS = 0.5
"""How long an answer to the last input may take to be heard by who attached with an input that has ended."""


class Refused(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Tunnels:
    def __init__(self, node: Node) -> None:
        self._node = node

    async def serve(self, opening: messages.TunnelOpen, stream: contracts.TunnelStream) -> None:
        """The bridge's `TunnelHandler`."""
        stream = PatientStream(stream)
        try:
            if opening.verb == "node":
                await self._document(opening.parameter("path"), stream)
                return
            worker = self._worker(opening)
            if opening.verb == "logs":
                await self._logs(worker, opening, stream)
            elif opening.verb in ("exec", "attach"):
                await self._session(worker, opening, stream)
            elif opening.verb == "portforward":
                await self._forward(worker, opening, stream)
            else:
                raise Refused(400, f"a node serves no {opening.verb}")
        except Refused as refused:
            await stream.refuse(refused.code, str(refused))
        except contract.RuntimeFault as fault:
            await stream.refuse(404 if fault.reason == "NotFound" else 500, fault.message)

    async def _document(self, path: str, stream: contracts.TunnelStream) -> None:
        content = await documents.document(self._node, path)
        if content is None:
            raise Refused(404, f"the node {self._node.host.node} has nothing at {path}")
        await stream.accept()
        for begin in range(0, len(content), BLOCK_BYTES):
            await stream.send(content[begin : begin + BLOCK_BYTES])

    def _worker(self, opening: messages.TunnelOpen) -> Worker:
        name = f"{opening.cluster}/{opening.namespace}/{opening.pod}"
        for worker in self._node.workers.values():
            if worker.name == name and opening.uid in ("", worker.uid):
                return worker
        raise Refused(404, f"pod {opening.pod} is not on node {self._node.host.node}")

    def _container(self, worker: Worker, opening: messages.TunnelOpen) -> str:
        name = opening.container or opening.parameter("container")
        if name in ("", "-"):
            name = model.main_containers(worker.pod)[0]["name"]
        if model.container_spec(worker.pod, name) is None:
            raise Refused(400, f"container {name} is not valid for pod {opening.pod}")
        return str(name)

    async def _forward(self, worker: Worker, opening: messages.TunnelOpen, stream: contracts.TunnelStream) -> None:
        text, address = opening.parameter("ports"), worker.pod_ip
        if not text.isdigit() or not 0 < int(text) < 65536:
            raise Refused(400, "one port is forwarded by one stream")
        live = worker.view.live()
        if opening.parameter("loopback") in TRUE and live:
            connecting = dialling.dial_inside(self._node.host.runtime, live[0], address, int(text))
        else:
            connecting = dialling.dial(address, int(text))
        await portforward(stream, connecting, address, int(text))

    # Logs

    async def _logs(self, worker: Worker, opening: messages.TunnelOpen, stream: contracts.TunnelStream) -> None:
        name = self._container(worker, opening)
        runs = [run for run in worker.view.runs(name) if run.state is not contract.State.CREATED]
        if opening.parameter("previous") in TRUE:
            ended = [run for run in runs if run.state is contract.State.EXITED]
            runs = ended if runs and runs[0] in ended and len(runs) == 1 else runs[1:]
            if not runs:
                raise Refused(400, f'previous terminated container "{name}" in pod "{opening.pod}" not found')
        if not runs:
            waiting = (worker.memory.last_status(name).get("state") or {}).get("waiting") or {}
            reason = waiting.get("reason") or "ContainerCreating"
            message = f'container "{name}" in pod "{opening.pod}" is waiting to start: {reason}'
            raise Refused(400, message)
        run = runs[0]
        key = objects.key(worker.pod)
        folder = self._node.host.log_directory(key.namespace, key.name, worker.uid)
        window = self._window(opening)
        ended_event = asyncio.Event()
        watch = asyncio.create_task(self._watch_end(worker, run.id, ended_event))
        gone = asyncio.create_task(stream.receive()) if window.follow else None
        try:
            await stream.accept()
            async for part in logs.read(folder / name / f"{run.attempt}.log", window, ended=ended_event):
                await stream.send(part)
                if gone is not None and gone.done():
                    return
        finally:
            for task in filter(None, (watch, gone)):
                task.cancel()
            await asyncio.gather(watch, *filter(None, (gone,)), return_exceptions=True)

    def _window(self, opening: messages.TunnelOpen) -> logs.Window:
        def number(name: str) -> int | None:
            text = opening.parameter(name)
            return int(text) if text else None

        since = None
        if (seconds := number("sinceSeconds")) is not None:
            since = datetime.now(UTC) - timedelta(seconds=seconds)
        elif text := opening.parameter("sinceTime"):
            since = timestamps.parse(text)
        chosen = opening.parameter("stream")
        return logs.Window(
            tail_lines=number("tailLines"),
            since=since,
            limit_bytes=number("limitBytes"),
            timestamps=opening.parameter("timestamps") in TRUE,
            follow=opening.parameter("follow") in TRUE,
            stream=chosen.lower() if chosen in ("Stdout", "Stderr") else "",
        )

    async def _attach_to_log(self, worker: Worker, run: contract.Container, stream: contracts.TunnelStream) -> None:
        """Without an input, being attached is to see what is said from now on."""
        key = objects.key(worker.pod)
        folder = self._node.host.log_directory(key.namespace, key.name, worker.uid)
        window = logs.Window(tail_lines=0, follow=True)
        ended = asyncio.Event()
        tasks = [asyncio.create_task(self._watch_end(worker, run.id, ended)), asyncio.create_task(stream.receive())]
        tasks[1].add_done_callback(lambda _: ended.set())
        try:
            await stream.accept()
            async for part in logs.read(folder / run.name / f"{run.attempt}.log", window, ended=ended):
                await stream.send(bytes([STDOUT]) + part)
            await stream.send(bytes([STATUS]) + status(0))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch_end(self, worker: Worker, run_id: str, ended: asyncio.Event) -> None:
        while any(run.id == run_id and model.is_live(run) for run in worker.view.containers):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        ended.set()

    # Exec and attach

    async def _session(self, worker: Worker, opening: messages.TunnelOpen, stream: contracts.TunnelStream) -> None:
        name = self._container(worker, opening)
        run = worker.view.newest(name)
        if run is None or not model.is_live(run):
            raise Refused(400, f"container {name} in pod {opening.pod} is not running")
        tty, stdin = opening.parameter("tty") in TRUE, opening.parameter("stdin") in TRUE
        runtime = self._node.host.runtime
        if opening.verb == "exec":
            command = list(opening.query.get("command") or ())
            if not command:
                raise Refused(400, "you must specify at least 1 command for the container")
            try:
                session = await runtime.exec(run.id, command, tty=tty, stdin=stdin)
            except contract.RuntimeFault as fault:
                if fault.reason == "NotFound":
                    raise
                await stream.accept()
                await stream.send(bytes([STATUS]) + status(None, fault.message))
                return
        else:
            spec = model.container_spec(worker.pod, name) or {}
            if not spec.get("stdin") and not spec.get("tty"):
                await self._attach_to_log(worker, run, stream)
                return
            session = await runtime.attach(run.id, tty=bool(spec.get("tty")), stdin=stdin)
            if not spec.get("stdinOnce") or spec.get("tty"):
                await self._visit(session, stream)
                return
        await stream.accept()
        feeding = asyncio.create_task(feed(stream, session))
        try:
            await hear(session, stream)
            code = await session.wait() if opening.verb == "exec" else 0  # the pod tells how what was attached to ended
            await stream.send(bytes([STATUS]) + status(code))
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            await session.close()

    async def _visit(self, session: contract.Session, stream: contracts.TunnelStream) -> None:
        """Attached to a container whose input outlives its visitors: the end of the visitor's input is not the
        container's, it ends the visit. So it is with containerd's and CRI-O's own servers."""
        await stream.accept()
        hearing = asyncio.create_task(hear(session, stream))
        feeding = asyncio.create_task(feed(stream, session, closing=False))
        try:
            await asyncio.wait((hearing, feeding), return_when=asyncio.FIRST_COMPLETED)
            if not hearing.done():
                await asyncio.wait((hearing,), timeout=LINGER_SECONDS)
            if hearing.done():
                hearing.result()
            await stream.send(bytes([STATUS]) + status(0))
        finally:
            for task in (hearing, feeding):
                task.cancel()
            await asyncio.gather(hearing, feeding, return_exceptions=True)
            await session.close()


async def hear(session: contract.Session, stream: contracts.TunnelStream) -> None:
    """From the process to the client, until it has said all."""
    while (item := await session.read()) is not None:
        await stream.send(bytes([item[0]]) + item[1])


async def feed(stream: contracts.TunnelStream, session: contract.Session, *, closing: bool = True) -> None:
    """From the client to the process, until the client is gone, or, where its end closes nothing, has said all."""
    while (message := await stream.receive()) is not None:
        if not message:
            continue
        channel, body = message[0], message[1:]
        if channel == STDIN:
            await session.write(body)
        elif channel == RESIZE:
            try:
                size = json.loads(body)
                await session.resize(int(size["Width"]), int(size["Height"]))
            except (ValueError, KeyError, TypeError):
                continue
        elif channel == CLOSE and body[:1] == bytes([STDIN]):
            if not closing:
                return
            await session.close_stdin()
    if closing:
        await session.close_stdin()


def status(exit_code: int | None, message: str = "") -> bytes:
    """The last word of an exec: Success, or why not."""
    body: dict[str, object] = {"metadata": {}, "status": "Success"}
    if exit_code:
        body = {
            "metadata": {},
            "status": "Failure",
            "message": f"command terminated with non-zero exit code: exit status {exit_code}",
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": str(exit_code)}]},
        }
    elif exit_code is None:
        body = {"metadata": {}, "status": "Failure", "message": message, "reason": "InternalError", "code": 500}
    return json.dumps(body).encode()
