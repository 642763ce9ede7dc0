"""A whole platform for clients that stream, with a pod that serves and one that reads."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from bascule.console.local import bringup, choices, putdown
from bascule.data.runtime import images
from tests.clients.conftest import KUBECTL, Kubectl

IMAGE = "bascule.test/streams:1"
SECONDS = 30.0
PODS = """
apiVersion: v1
kind: Pod
metadata: {{name: web, labels: {{app: web}}}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: {image}
    imagePullPolicy: IfNotPresent
    command: [sh, -c, "echo said; echo warned >&2; mkdir -p {home} && cd {home} && echo '<a href=\\"/x\\">page</a>' > \
index.html && exec busybox httpd -f -p $ADDRESS:18080"]
    env: [{{name: ADDRESS, valueFrom: {{fieldRef: {{fieldPath: status.podIP}}}}}}]
    ports: [{{containerPort: 18080}}]
    readinessProbe: {{tcpSocket: {{port: 18080}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{name: http, port: 80, targetPort: 18080}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: reader}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: {image}
    imagePullPolicy: IfNotPresent
    stdin: true
    command: [sh, -c, "while read line; do echo heard $line; done; echo end; sleep 1000"]
"""


class Streams(Kubectl):
    """kubectl against the platform; `legacy` speaks SPDY without WebSockets."""

    legacy: ClassVar = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}

    def __init__(self, kubeconfig: Path, home: Path, runtime: str) -> None:
        super().__init__(kubeconfig, home)
        self.runtime = runtime

    def environment(self, *, legacy: bool = False) -> dict[str, str]:
        own = {"PATH": os.environ["PATH"], "HOME": str(self.home), "KUBECONFIG": str(self.kubeconfig)}
        return own | (self.legacy if legacy else {})

    @contextmanager
    def started(self, *words: str, legacy: bool = False) -> Iterator[subprocess.Popen[str]]:
        """A command that goes on."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [KUBECTL or "kubectl", *words],
            env=self.environment(legacy=legacy),
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def at_a_terminal(self, *words: str, legacy: bool = False) -> tuple[int, str]:
        """Exit code and screen of a command whose input and output are a terminal of 70 columns."""
        pid, screen = pty.fork()
        if pid == 0:
            os.environ.update(self.environment(legacy=legacy))
            os.execvp(KUBECTL or "kubectl", ["kubectl", *words])
        seen = b""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            readable, _, _ = select.select([screen], [], [], 1)
            try:
                data = os.read(screen, 65536) if readable else b" "
            except OSError:
                break
            seen += data.strip(b" ") if readable else b""
        _, status = os.waitpid(pid, 0)
        os.close(screen)
        return os.waitstatus_to_exitcode(status), seen.decode(errors="replace")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def running(folder: Path, runtime: str) -> Iterator[Streams]:
    data_dir = folder / "b"
    try:
        wishes = choices.Wishes(data_dir, nodes=1, zones=1, runtime=runtime, port=0)
        asyncio.run(bringup.up(wishes, print))
        if runtime == "containerd":
            images.busybox(folder / "image.tar", IMAGE)
            asyncio.run(images.import_into_node(data_dir, "node-1", folder / "image.tar"))
        home = folder / "www" if runtime == "process" else Path("/www")
        kubectl = Streams(data_dir / "admin.kubeconfig", folder, runtime)
        kubectl("apply", "-f", "-", stdin=PODS.format(image=IMAGE, home=home))
        kubectl("wait", "--for=condition=Ready", "pod/web", "pod/reader", f"--timeout={SECONDS:g}s")
        yield kubectl
    finally:
        asyncio.run(putdown.down(data_dir, print))
