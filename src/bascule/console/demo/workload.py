"""What the demo deploys: a Deployment of three web servers and a Service before it, in a namespace of their own."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from bascule.console.local import machine, processes
from bascule.console.local.choices import BringUpError
from bascule.console.local.layout import Installation, Layout
from bascule.vocabulary.objects import Object

NAMESPACE = "bascule-demo"
NAME = "web"
REPLICAS = 3
PORT = 8080
IMAGE = "bascule.local/demo:1"
LABELS = {"app": NAME}
TOLERATIONS = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
    for key in ("not-ready", "unreachable")
]
"""Replicas of a lost node are replaced after seconds; Kubernetes' default is five minutes."""

MARK = "bascule-demo-page"
"""Part of the servers' command line, by which the demo finds the process it kills."""


def manifests(installation: Installation, layout: Layout, *, round_number: int = 1) -> list[Object]:
    """Namespace, Deployment and Service. Another ``round_number`` is another pod template: a rollout."""
    container = _container(installation, layout)
    container["env"] += [{"name": "ROUND", "value": str(round_number)}]
    pod_spec: Object = {"containers": [container], "terminationGracePeriodSeconds": 5, "tolerations": TOLERATIONS}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": LABELS},
            "spec": {
                "replicas": REPLICAS,
                "selector": {"matchLabels": LABELS},
                "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "template": {"metadata": {"labels": LABELS}, "spec": pod_spec},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {"selector": LABELS, "ports": [{"port": PORT, "targetPort": PORT}]},
        },
    ]


def _container(installation: Installation, layout: Layout) -> Object:
    page = MARK
    if installation.runtime == "containerd":
        command = ["/bin/busybox", "httpd", "-f", "-v", "-p", f"$(POD_IP):{PORT}", "-h", f"/{page}"]
    else:
        folder = layout.data_dir / "demo" / page
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.html").write_text("served by Bascule\n")
        server = [sys.executable, "-m", "http.server", str(PORT), "--bind", "$(POD_IP)", "--directory", str(folder)]
        busybox = busybox_binary()
        command = [busybox, "httpd", "-f", "-p", f"$(POD_IP):{PORT}", "-h", str(folder)] if busybox else server
    return {
        "name": NAME,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/index.html", "port": PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    }


def busybox_binary() -> str | None:
    """A statically linked busybox with a web server, where the machine has one."""
    return shutil.which("busybox", path=os.pathsep.join([machine.SEARCH_PATH, "/bin", "/usr/bin"]))


async def provide_image(installation: Installation, layout: Layout) -> None:
    """Builds the image on the spot from the static busybox and gives it to every node. Raises BringUpError."""
    if installation.runtime != "containerd":
        return
    busybox = busybox_binary()
    if busybox is None:
        raise BringUpError("the demo's image is made from busybox, which is missing: apt-get install busybox-static")
    folder = layout.data_dir / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "index.html"
    page.write_text("served by Bascule\n")
    for node in installation.nodes:
        await _run(
            layout,
            processes.python_module(
                "bascule.data.runtime.images",
                "import",
                "--data-dir",
                str(layout.data_dir),
                "--node-name",
                node.name,
                "--name",
                IMAGE,
                "--file",
                f"{busybox}:/bin/busybox",
                "--file",
                f"{page}:/{MARK}/index.html",
            ),
        )


async def _run(layout: Layout, command: tuple[str, ...]) -> None:
    out, log = Path(layout.run) / "demo-image.out", layout.logs / "demo-image.log"
    log.unlink(missing_ok=True)
    identity = processes.spawn(command, out=out, log=log)
    await processes.wait_gone(identity)
    if processes.last_words(log):
        raise BringUpError(f"the demo's image could not be made:\n{processes.last_words(log)}")
