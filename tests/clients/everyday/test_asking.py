"""The everyday work of people and their scripts with kubectl: what they ask, and what they are answered."""

import json
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.clients.conftest import KUBECTL, Kubectl
from tests.clients.everyday import session

pytestmark = [pytest.mark.scenario, pytest.mark.slow]


def test_get_in_every_form(kubectl: Kubectl) -> None:
    for name in ("c", "a", "b"):
        kubectl("create", "configmap", name)
    kubectl("create", "-f", "-", stdin=session.dump(session.pod("one", name="one")))
    names = [f"configmap/{name}" for name in "abc"]
    for words in (("--sort-by=.metadata.name",), ("--chunk-size=1",)):
        said = kubectl("get", "configmaps", "-o", "name", *words).split()
        assert [name for name in said if "root-ca" not in name] == names
    assert kubectl("get", "pod", "one", "--template={{.metadata.name}}:{{.missing}}") == "one:<no value>"
    assert kubectl("get", "pods", "-o", "custom-columns=N:.metadata.name,P:.status.phase").split() == [
        *("N", "P"),
        *("one", "Pending"),
    ]
    strict = ("get", "pod", "one", "--allow-missing-template-keys=false", "-o", "jsonpath={.missing}")
    assert "missing is not found" in kubectl.run(*strict).err
    assert kubectl("get", "pods", "--field-selector=status.phase=Pending,metadata.name=one", "-o", "name")
    assert kubectl("get", "pod,configmap", "-o", "jsonpath={.items[*].kind}").startswith("Pod ConfigMap")
    assert kubectl("get", "pods", "--server-print=false").split()[:3] == ["NAME", "AGE", "one"]
    assert kubectl("get", "pod", "one", "--subresource=status", "-o", "name") == "pod/one\n"
    assert "could not find" in kubectl.run("get", "pod", "one", "--subresource=scale").err
    assert "by name across all namespaces" in kubectl.run("get", "pod", "one", "-A").err
    assert kubectl("get", "pods", "-w", "--request-timeout=1s").splitlines()[1].startswith("one ")
    paged = kubectl.run("get", "clusterroles", "--chunk-size=10", "-v=6").err
    assert re.search(r'/clusterroles\?limit=10(" status=")?[ "]*200 OK', paged), paged  # Older ones print no names.
    assert "/clusterroles?continue=" in paged
    everything = kubectl("api-resources", "--verbs=list", "-o", "name").split()
    assert "pod/one" in kubectl("get", ",".join(everything), "-A", "-o", "wide")


def test_explain_and_what_there_is(kubectl: Kubectl) -> None:
    for path in ("po.status.message", "cronjob.spec.jobTemplate.spec", "hpa.spec.behavior", "csr"):
        assert "DESCRIPTION" in kubectl("explain", path)
    assert "containerPort" in kubectl("explain", "pods", "--recursive")
    assert "FIELD" in kubectl("explain", "deployment.spec.replicas", "--output=plaintext-openapiv2")
    assert "shortNames" in kubectl("get", "--raw", "/api/v1")
    assert {"v1", "apps/v1", "batch/v1"} <= set(kubectl("api-versions").split())
    described = kubectl("get", "--raw", "/openapi/v2")
    assert "list of returned objects" in described
    assert "Watch for changes to the described resources" in described


def test_who_may_do_what(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "*", "*") == "yes\n"
    assert "not namespace scoped" in kubectl.run("auth", "can-i", "get", "nodes").err
    assert kubectl.run("auth", "can-i", "get", "pods", "--as=nobody").code == 1
    who = json.loads(kubectl("auth", "whoami", "-o", "json", "--as=jane", "--as-group=g1", "--as-group=,,,g2"))
    assert who["status"]["userInfo"]["groups"] == ["g1", ",,,g2", "system:authenticated"]
    assert "without impersonating a user" in kubectl.run("get", "pods", "--as-group=g").err
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": [rule]}
    role["metadata"] = {"name": "r", "namespace": kubectl.namespace}
    kubectl("auth", "reconcile", "-f", "-", stdin=session.dump(role))
    rule["verbs"] = ["list"]
    assert "reconciled" in kubectl("auth", "reconcile", "-f", "-", stdin=session.dump(role))
    assert len(kubectl.json("get", "role", "r")["rules"]) == 2
    kubectl("create", "rolebinding", "r", "--role=r", "--user=jane")
    assert kubectl("auth", "can-i", "list", "pods", "--as=jane") == "yes\n"
    assert "pods" in kubectl("auth", "can-i", "--list", "--as=jane")
    token = kubectl("create", "token", "default", "--duration=10m").strip()
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    answer = json.loads(kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review)))
    assert answer["status"]["user"]["username"] == f"system:serviceaccount:{kubectl.namespace}:default"


def test_raw_requests_and_the_local_proxy(kubectl: Kubectl, tmp_path: Path) -> None:
    collection = f"/api/v1/namespaces/{kubectl.namespace}/configmaps"
    made = json.loads(kubectl("create", "configmap", "m", "--dry-run=client", "-o", "json"))
    kubectl("create", "--raw", collection, "-f", "-", stdin=json.dumps(made))
    assert "uid" in kubectl("replace", "--raw", f"{collection}/m", "-f", "-", stdin=json.dumps({**made, "data": {}}))
    kubectl("delete", "--raw", f"{collection}/m")
    refused = kubectl.run("create", "--raw", "/api/v1/namespaces", "-f", "-", stdin="kind: Pod").err
    assert "the object provided is unrecognized (must be of type Namespace)" in refused
    words = [KUBECTL or "", "--kubeconfig", str(kubectl.kubeconfig), "proxy", "--port=0", "--api-prefix=/custom"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={"HOME": str(tmp_path)}) as proxy:
        try:
            assert proxy.stdout is not None
            address = proxy.stdout.readline().rpartition(" ")[2].strip()
            with urllib.request.urlopen(f"http://{address}/custom/api/v1/namespaces") as answer:
                assert json.load(answer)["kind"] == "NamespaceList"
            with pytest.raises(urllib.error.HTTPError, match="404") as missing:
                urllib.request.urlopen(f"http://{address}/custom/api/nothing")
            missing.value.close()
        finally:
            proxy.terminate()


def test_diff_and_wait(kubectl: Kubectl) -> None:
    before, after = session.dump(session.pod("one", image="a:1")), session.dump(session.pod("one", image="a:2"))
    assert kubectl.run("diff", "-f", "-", stdin=before).code == 1
    kubectl("apply", "-f", "-", stdin=before)
    assert kubectl.run("diff", "-f", "-", stdin=before).code == 0
    for words in ((), ("--server-side", "--force-conflicts")):
        changed = kubectl.run("diff", *words, "-f", "-", stdin=after)
        assert (changed.code, "image: a:2" in changed.out) == (1, True)
    timed_out = kubectl.run("wait", "pod/one", "--for=condition=Ready", "--timeout=1s")
    assert "timed out waiting for the condition" in timed_out.err
    ready = '{"status": {"conditions": [{"type": "Ready", "status": "True"}]}}'
    kubectl("patch", "pod", "one", "--subresource=status", "-p", ready)
    assert "condition met" in kubectl("wait", "pod/one", "--for=condition=Ready", "--timeout=5s")
    assert "condition met" in kubectl("wait", "pods", "--all", "--for=jsonpath={.status.phase}=Pending")
    kubectl("delete", "pod", "one", "--wait=false")
    kubectl("wait", "pod/one", "--for=delete", "--timeout=10s")
    kubectl("create", "namespace", f"{kubectl.namespace}-x")
    kubectl("delete", "namespace", f"{kubectl.namespace}-x", "--wait=false")
    kubectl("wait", f"namespace/{kubectl.namespace}-x", "--for=delete", "--timeout=20s")
