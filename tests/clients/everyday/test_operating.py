"""The everyday work of people and their scripts with kubectl: nodes, rollouts, schedules, certificates, debugging."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bascule.bridge.identity import certificates
from bascule.bridge.identity import requests as signing_requests
from tests.clients.conftest import Kubectl
from tests.clients.everyday import session

pytestmark = [pytest.mark.scenario, pytest.mark.slow]

LOST = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "lost"}, "status": {"capacity": {"memory": "1Gi"}}}


def test_nodes_taints_and_drains(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=json.dumps(LOST))
    gone = {"nodeName": "lost", "terminationGracePeriodSeconds": 1}
    on_it = [{**session.pod(name, e=name), "spec": {**session.pod(name)["spec"], **gone}} for name in ("one", "two")]
    kubectl("create", "-f", "-", stdin=session.dump(*on_it))
    for words in (("taint", "node", "lost", "dedicated=me:PreferNoSchedule"), ("drain", "lost", "--force")):
        for dry in session.BOTH_DRY:
            kubectl(*words, dry)
    assert "dedicated" not in kubectl("get", "node", "lost", "-o", "yaml")
    kubectl("taint", "node", "lost", "dedicated=me:PreferNoSchedule")
    kubectl("taint", "node", "lost", "dedicated:PreferNoSchedule-")
    assert "dedicated" not in kubectl("get", "node", "lost", "-o", "jsonpath={.spec}")
    kubectl("label", "node", "lost", "pool=a")
    assert "node/lost cordoned" in kubectl("cordon", "--selector=pool=a")
    assert "SchedulingDisabled" in kubectl("get", "nodes")
    said = kubectl("drain", "lost", "--force", "--pod-selector=e=one", "--skip-wait-for-delete-timeout=1")
    assert f"evicting pod {kubectl.namespace}/one" in said
    assert "deletionTimestamp" in kubectl.json("get", "pod", "one")["metadata"]
    assert "deletionTimestamp" not in kubectl.json("get", "pod", "two")["metadata"]
    kubectl("uncordon", "lost")
    assert "already uncordoned" in kubectl("uncordon", "lost", "--dry-run=server")
    replaced = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "lost", "resourceVersion": "0"}}
    kubectl("replace", "-f", "-", stdin=json.dumps(replaced))
    kubectl("delete", "pods", "--all", "--force")
    kubectl("delete", "node", "lost")


@pytest.mark.parametrize("kind", ["DaemonSet", "StatefulSet", "Deployment"])
def test_rollouts_forth_and_back(kubectl: Kubectl, tmp_path: Path, kind: str) -> None:
    spec = {} if kind == "DaemonSet" else {"replicas": 0}
    path, what = tmp_path / "web.yaml", f"{kind.lower()}/web"
    for image in ("a:1", "a:2"):
        path.write_text(session.dump(session.workload(kind, "web", image, **spec)))
        kubectl("apply", "-f", str(path), "--record")
        wanted = "1" if image == "a:1" else "2"
        session.until(lambda: kubectl.run("rollout", "history", what).out, f"\n{wanted}  ")
    assert kubectl("rollout", "history", what).count("kubectl apply") == 2
    assert "a:1" in kubectl("rollout", "history", what, "--revision=1")
    for dry in session.BOTH_DRY:
        kubectl("rollout", "undo", what, dry)
    assert kubectl("get", what, "-o", "jsonpath={..image}") == "a:2"
    kubectl("rollout", "undo", what, "--to-revision=1")
    assert kubectl("get", what, "-o", "jsonpath={..image}") == "a:1"
    assert "unable to find" in kubectl.run("rollout", "undo", what, "--to-revision=99").err
    kubectl("rollout", "restart", what)
    assert "kubectl-rollout" in session.managers(kubectl, what)
    if kind == "Deployment":
        kubectl("rollout", "pause", what)
        assert kubectl.run("rollout", "undo", what).code == kubectl.run("rollout", "restart", what).code == 1
        kubectl("rollout", "resume", what)
    generation = kubectl.json("get", what)["metadata"]["generation"]
    kubectl("wait", what, f"--for=jsonpath={{.status.observedGeneration}}={generation}", "--timeout=20s")


def test_a_schedule_that_never_comes_round_is_told_of(kubectl: Kubectl) -> None:
    kubectl("create", "cronjob", "pi", "--image=perl", "--schedule=59 23 31 2 *")
    session.until(lambda: kubectl("events", "--for=Cronjob/pi"), "InvalidSchedule")
    assert "InvalidSchedule" in kubectl("events", "--types=Warning", "-o", "json")
    assert "No events" in kubectl.run("events", "--for=Cronjob/pi", "--types=Normal").err
    assert "InvalidSchedule" in kubectl("describe", "cronjob", "pi")
    assert "Events:" not in kubectl("describe", "cronjob", "pi", "--show-events=false")
    kubectl("create", "job", "now", "--from=cronjob/pi")
    assert kubectl.json("get", "job", "now")["metadata"]["ownerReferences"][0]["name"] == "pi"


def test_certificates(kubectl: Kubectl, tmp_path: Path) -> None:
    key, name = certificates.new_key(), kubectl.namespace
    path = tmp_path / "request.yaml"
    spec: dict[str, Any] = {"signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]}
    asked = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name}}
    spec["request"] = base64.b64encode(signing_requests.create(key, "jane", [])).decode()
    path.write_text(yaml.safe_dump({**asked, "spec": spec}))
    for words, states in ((("approve", name), "Approved,Issued"), (("deny", "-f", str(path)), "Denied")):
        kubectl("create", "-f", str(path))
        kubectl("certificate", *words)
        assert kubectl("get", "csr", name, "--no-headers").split()[-1] == states
        assert states.partition(",")[0] in kubectl("describe", "csr", name)
        kubectl("delete", "csr", name)


def test_debugging(kubectl: Kubectl) -> None:
    kubectl("run", "target", "--image=nginx")
    kubectl("debug", "target", "--image=busybox", "--attach=false", "-c=look", "--profile=general")
    assert kubectl("get", "pod", "target", "-o", "jsonpath={.spec.ephemeralContainers[*].name}") == "look"
    kubectl("debug", "target", "--copy-to=copy", "--image=busybox", "--attach=false", "-c=look", "--profile=sysadmin")
    assert kubectl("get", "pod", "copy", "-o", "jsonpath={.spec.containers[*].image}") == "nginx busybox"
    assert "does not have a host assigned" in kubectl.run("exec", "target", "--", "date").err
    assert kubectl("logs", "target", "-c=target") == ""
