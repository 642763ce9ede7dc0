"""Termination messages: what a container left in its file, or else the end of its log where the pod says so."""

from __future__ import annotations

from bascule.data.agent.host import Host
from bascule.data.agent.pods import model, start
from bascule.data.runtime import contract, logs
from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object

MESSAGE_BYTES = 4096
LOG_LINES, LOG_BYTES = 80, 2048


def read(host: Host, pod: Object, view: model.View, memory: model.Memory) -> None:
    """Of runs that have ended and were not read yet."""
    for run in view.containers:
        if run.state is not contract.State.EXITED or run.id in memory.termination_messages:
            continue
        spec = model.container_spec(pod, run.name) or {}
        file = start.termination_file(host, pod, run.name, run.attempt)
        text = ""
        if file.exists():
            text = file.read_bytes()[:MESSAGE_BYTES].decode("utf-8", "replace")
        if not text and run.exit_code and spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            text = _log_tail(host, pod, run)
        memory.termination_messages[run.id] = text


def _log_tail(host: Host, pod: Object, run: contract.Container) -> str:
    key = objects.key(pod)
    path = host.log_directory(key.namespace, key.name, objects.uid(pod)) / run.name / f"{run.attempt}.log"
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(logs.tail_offset(path, LOG_LINES))
        parsed = [entry.text for raw in file if (entry := logs.parse(raw)) is not None]
    return b"\n".join(parsed)[-LOG_BYTES:].decode("utf-8", "replace")
