"""A day's work with kubectl against a real server: what a user types, and what the world is after it."""

import json
from pathlib import Path

import pytest
import yaml

from tests.clients.conftest import Kubectl

pytestmark = [pytest.mark.scenario, pytest.mark.slow]

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: main
        image: nginx:1
        ports: [{containerPort: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: one, labels: {app: one}}
spec: {containers: [{name: main, image: busybox}]}
"""


def _map(**data: str) -> str:
    return yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data})


def test_apply_client_side(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=WEB).splitlines() == ["deployment.apps/web created", "service/web created"]
    assert kubectl("apply", "-f", "-", stdin=WEB).splitlines() == [
        "deployment.apps/web unchanged",
        "service/web unchanged",
    ]
    changed = WEB.replace("replicas: 2", "replicas: 5").replace(
        ", labels: {app: web}}\nspec:\n  replicas", "}\nspec:\n  replicas"
    )
    kubectl("apply", "-f", "-", stdin=changed)
    web = kubectl.json("get", "deployment", "web")
    assert web["spec"]["replicas"] == 5
    assert web["metadata"]["generation"] == 2
    assert "labels" not in web["metadata"]


def test_apply_server_side(kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "-f", "-", stdin=_map(a="1", b="2"))
    kubectl("apply", "--server-side", "-f", "-", stdin=_map(a="1"))
    assert kubectl.json("get", "cm", "m")["data"] == {"a": "1"}
    clash = kubectl.run("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=_map(a="9"))
    assert clash.code != 0
    assert 'conflict with "kubectl": .data.a' in clash.err
    kubectl("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-", stdin=_map(a="9"))
    assert kubectl.json("get", "cm", "m")["data"] == {"a": "9"}


def test_client_side_apply_hands_over_to_server_side(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=_map(a="1", b="2"))
    kubectl("apply", "--server-side", "-f", "-", stdin=_map(a="3"))
    assert kubectl.json("get", "cm", "m")["data"] == {"a": "3"}


def test_get_prints_columns(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=WEB)
    head, line = kubectl("get", "deployments").splitlines()
    assert head.split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert line.split()[:4] == ["web", "0/2", "0", "0"]
    wide = kubectl("get", "deployments", "-o", "wide").splitlines()
    assert wide[0].split()[-3:] == ["CONTAINERS", "IMAGES", "SELECTOR"]
    assert wide[1].split()[-3:] == ["main", "nginx:1", "app=web"]
    service = kubectl("get", "svc", "web").splitlines()[1].split()
    assert service[1] == "ClusterIP"
    assert service[2].startswith("10.96.")
    assert service[4] == "80/TCP"
    kubectl("apply", "-f", "-", stdin=POD)
    assert kubectl("get", "pods", "--no-headers").split()[:4] == ["one", "0/1", "Pending", "0"]
    assert kubectl("get", "pod", "one", "-o", "jsonpath={.spec.restartPolicy}") == "Always"
    assert yaml.safe_load(kubectl("get", "pod", "one", "-o", "yaml"))["kind"] == "Pod"


def test_describe(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=WEB + "---" + POD)
    assert "RollingUpdateStrategy:" in kubectl("describe", "deployment", "web")
    assert "QoS Class:" in kubectl("describe", "pod", "one")
    assert "Selector:" in kubectl("describe", "service", "web")
    assert "Active" in kubectl("describe", "namespace", kubectl.namespace)


def test_edit(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=_map(a="before"))
    kubectl("edit", "cm", "m", env={"KUBE_EDITOR": "sed -i s/before/after/"})
    assert kubectl.json("get", "cm", "m")["data"] == {"a": "after"}


def test_scale_label_annotate_and_set_image(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=WEB)
    kubectl("scale", "deployment", "web", "--replicas=4")
    kubectl("label", "deployment", "web", "tier=front")
    kubectl("annotate", "deployment", "web", "note=hello")
    kubectl("set", "image", "deployment/web", "main=nginx:2")
    web = kubectl.json("get", "deployment", "web")
    assert web["spec"]["replicas"] == 4
    assert web["metadata"]["labels"]["tier"] == "front"
    assert web["metadata"]["annotations"]["note"] == "hello"
    assert web["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:2"
    assert kubectl("get", "deployments", "-l", "tier=front", "-o", "name") == "deployment.apps/web\n"
    refused = kubectl.run("label", "deployment", "web", "tier=back")
    assert "already has a value" in refused.err


def test_create_sends_protobuf_and_is_understood(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "d", "--image=nginx", "--replicas=3", "--port=80")
    made = kubectl.json("get", "deployment", "d")
    assert made["spec"]["replicas"] == 3
    assert made["spec"]["template"]["spec"]["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    kubectl("create", "configmap", "c", "--from-literal=a=b")
    assert kubectl.json("get", "cm", "c")["data"] == {"a": "b"}
    kubectl("create", "secret", "generic", "s", "--from-literal=p=q")
    assert kubectl.json("get", "secret", "s")["data"] == {"p": "cQ=="}
    kubectl("create", "service", "nodeport", "n", "--tcp=80:80")
    assert 30000 <= kubectl.json("get", "svc", "n")["spec"]["ports"][0]["nodePort"] <= 32767
    kubectl("create", "serviceaccount", "a")
    assert kubectl("create", "token", "a").count(".") == 2
    kubectl("create", "role", "r", "--verb=get", "--resource=pods")
    kubectl("create", "rolebinding", "b", "--role=r", f"--serviceaccount={kubectl.namespace}:a")
    kubectl("create", "job", "j", "--image=busybox")
    kubectl("create", "cronjob", "k", "--image=busybox", "--schedule=* * * * *")
    kubectl("create", "ingress", "i", "--rule=a.example/*=n:80")
    kubectl("create", "quota", "q", "--hard=pods=3")
    kubectl("create", "poddisruptionbudget", "p", "--selector=a=b", "--min-available=1")


def test_wait_and_delete(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=_map(a="1"))
    kubectl("wait", "--for=jsonpath={.data.a}=1", "cm/m", "--timeout=5s")
    assert kubectl("delete", "cm", "m").startswith('configmap "m" deleted')  # Newer ones add: from which namespace.
    missing = kubectl.run("get", "cm", "m")
    assert 'configmaps "m" not found' in missing.err
    kubectl("apply", "-f", "-", stdin=WEB)
    kubectl("delete", "-f", "-", "--cascade=orphan", "--wait=false", stdin=WEB)
    assert kubectl.json("get", "deployment", "web")["metadata"]["finalizers"] == ["orphan"]


def test_diff_and_dry_run(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=_map(a="1"))
    assert kubectl.run("diff", "-f", "-", stdin=_map(a="1")).code == 0
    shown = kubectl.run("diff", "-f", "-", stdin=_map(a="2"))
    assert shown.code == 1
    assert '+  a: "2"' in shown.out
    kubectl("apply", "--dry-run=server", "-f", "-", stdin=_map(a="3"))
    assert kubectl.json("get", "cm", "m")["data"] == {"a": "1"}


def test_patch_replace_and_raw(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply", "-f", "-", stdin=_map(a="1"))
    kubectl("patch", "cm", "m", "--type=merge", "-p", '{"data":{"b":"2"}}')
    kubectl("patch", "cm", "m", "--type=json", "-p", '[{"op":"replace","path":"/data/a","value":"x"}]')
    kubectl("patch", "cm", "m", "-p", '{"data":{"c":"3"}}')
    assert kubectl.json("get", "cm", "m")["data"] == {"a": "x", "b": "2", "c": "3"}
    kubectl("replace", "-f", "-", stdin=_map(z="26"))
    assert kubectl.json("get", "cm", "m")["data"] == {"z": "26"}
    assert '"gitVersion":"v1.36' in kubectl("get", "--raw", "/version")


def test_explain_and_api_resources(kubectl: Kubectl) -> None:
    assert "FIELDS:" in kubectl("explain", "deployment.spec.strategy")
    assert "<[]Container> -required-" in kubectl("explain", "pod.spec")
    listed = kubectl("api-resources", "-o", "name").split()
    assert {"pods", "deployments.apps", "leases.coordination.k8s.io", "networkpolicies.networking.k8s.io"} <= set(
        listed
    )
    assert "apps/v1" in kubectl("api-versions").split()
    assert kubectl.run("get", "all").code == 0


def test_bad_input_is_refused_with_words_a_user_can_act_on(kubectl: Kubectl) -> None:
    typo = kubectl.run("apply", "-f", "-", stdin=WEB.replace("replicas: 2", "replicsa: 2"))
    assert 'unknown field "spec.replicsa"' in typo.err
    wrong = kubectl.run("apply", "-f", "-", stdin=WEB.replace("replicas: 2", "replicas: many"))
    assert wrong.code != 0
    assert "spec.replicas" in wrong.err or "replicas" in wrong.err
    name = kubectl.run("create", "configmap", "Not_A_Name")
    assert "a lowercase RFC 1123 subdomain must consist of" in name.err
    large = kubectl.run("create", "-f", "-", stdin=_map(a="x" * (3 * 1024 * 1024 + 10)))
    assert large.code != 0
    assert "too large" in large.err or "Too long" in large.err
    assert "Traceback" not in typo.err + wrong.err + name.err + large.err


def test_can_i_and_impersonation(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "delete", "nodes") == "yes\n"
    assert kubectl.run("auth", "can-i", "delete", "nodes", "--as=nobody").out.startswith("no")
    refused = kubectl.run("get", "secrets", "--as=nobody")
    assert 'User "nobody" cannot list resource "secrets"' in refused.err
    assert "bascule-admin" in kubectl("auth", "whoami")


def test_a_watch_sees_what_happens(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=POD)
    kubectl("wait", "--for=delete", "pod/other", "--timeout=5s")
    kubectl("delete", "pod", "one", "--wait=true", "--timeout=10s")
    assert kubectl.run("get", "pod", "one").code == 1


def test_a_list_is_applied_and_a_wrong_one_is_not(kubectl: Kubectl) -> None:
    maps = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}} for name in ("a", "b")]
    everything = {"apiVersion": "v1", "kind": "List", "items": maps}
    kubectl("apply", "-f", "-", stdin=json.dumps(everything))
    assert kubectl("get", "configmaps", "--sort-by=.metadata.name", "-o", "name").split()[:2] == [
        "configmap/a",
        "configmap/b",
    ]
    everything["items"] = [{**maps[0], "data": {"k": {"deep": "er"}}}]
    refused = kubectl.run("apply", "-f", "-", stdin=json.dumps(everything))
    assert refused.code == 1
    assert "data" in refused.err


def test_events_and_selectors_as_users_ask_for_them(kubectl: Kubectl) -> None:
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": kubectl.namespace},
        "involvedObject": {"kind": "Pod", "apiVersion": "v1", "namespace": kubectl.namespace, "name": "web"},
        "reason": "Tested",
        "message": "as it should be",
        "type": "Normal",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    kubectl("create", "-f", "-", stdin=json.dumps(event))
    assert "as it should be" in kubectl("events", "--for", "pod/web")
    assert "as it should be" not in kubectl("events", "--for", "pod/other")
    assert "Tested" in kubectl("get", "events", "--field-selector", "involvedObject.name=web,reason=Tested")
    assert kubectl("get", "pods", "--field-selector", "spec.nodeName=n1", "-o", "name") == ""
    refused = kubectl.run("get", "pods", "--field-selector", "spec.nonsense=1")
    assert refused.code == 1
    assert refused.err.count("Unable to find") == 1
    assert "field label not supported: spec.nonsense" in refused.err
