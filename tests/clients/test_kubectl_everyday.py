"""The everyday work of people and their scripts with kubectl, against one server with its controllers and no node.

Each test is a session in a namespace of its own: what is typed, what is answered, and what the world is after it.
"""

import base64
import itertools
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bascule.bridge.identity import certificates
from bascule.bridge.identity import requests as signing_requests
from tests import waiting
from tests.clients.conftest import KUBECTL, Kubectl, process

pytestmark = [pytest.mark.scenario, pytest.mark.slow]

_NUMBERS = itertools.count()
BOTH_DRY = ("--dry-run=client", "--dry-run=server")
LOST = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "lost"}, "status": {"capacity": {"memory": "1Gi"}}}


@pytest.fixture(scope="module")
def installation(kubectl_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of a server and its controllers, both processes of their own."""
    folder = tmp_path_factory.mktemp("everyday")
    with process("bascule.control.api", "--data-dir", str(folder), "--port", "0", log=folder / "api.log"):
        kubeconfig = str(folder / "identities" / "controllers.kubeconfig")
        with process("bascule.control.controllers", "--kubeconfig", kubeconfig, log=folder / "controllers.log"):
            yield folder


@pytest.fixture
def kubectl(installation: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    namespace = f"e-{next(_NUMBERS)}-" + request.node.originalname.removeprefix("test_").replace("_", "-")[:40].rstrip(
        "-"
    )
    command = Kubectl(installation / "admin.kubeconfig", tmp_path, namespace)
    command("create", "namespace", namespace)
    yield command
    command.run("delete", "namespace", namespace, "--wait=false")


def _pod(called: str, image: str = "busybox", **labels: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "main", "image": image}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": called, "labels": labels}, "spec": spec}


def _workload(kind: str, name: str, image: str, **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": image}]}}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def _yaml(*manifests: dict[str, Any]) -> str:
    return yaml.safe_dump_all(manifests)


def _until(said: Callable[[], str], wanted: str) -> None:
    """Waits until a command says it."""
    waiting.until_sync(lambda: wanted in said(), timeout_seconds=20, what=f"{wanted!r}")


def _editor(folder: Path, script: str) -> dict[str, str]:
    """The environment of a user whose editor runs `sed`."""
    path = folder / "editor.sh"
    path.write_text(f'#!/bin/sh\nsed -i "{script}" "$@"\n')
    path.chmod(0o755)
    return {"EDITOR": str(path)}


def _managers(kubectl: Kubectl, what: str) -> set[str]:
    entries = kubectl.json("get", what, "--show-managed-fields")["metadata"]["managedFields"]
    return {entry["manager"] for entry in entries}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ("pod/one", "run one --image=nginx --port=80 --labels=a=b -- sleep 1"),
        ("deployment.apps/one", "create deployment one --image=nginx --replicas=2 --port=80 -- sleep 1"),
        ("job.batch/one", "create job one --image=perl -- perl -e 1"),
        ("cronjob.batch/one", "create cronjob one --image=perl --schedule=*/5_*_*_*_* -- perl -e 1"),
        ("configmap/one", "create configmap one --from-literal=a=b"),
        ("secret/one", "create secret generic one --from-literal=a=b --type=example.com/mine"),
        ("secret/pull", "create secret docker-registry pull --docker-username=u --docker-password=p"),
        ("serviceaccount/one", "create serviceaccount one"),
        ("service/one", "create service clusterip one --tcp=80:8080"),
        ("service/node", "create service nodeport node --tcp=80"),
        ("service/far", "create service externalname far --external-name=example.com"),
        ("service/head", "create service clusterip head --clusterip=None"),
        ("ingress.networking.k8s.io/one", "create ingress one --rule=example.com/path*=one:80"),
        ("poddisruptionbudget.policy/one", "create pdb one --selector=app=one --max-unavailable=50%"),
        ("resourcequota/one", "create quota one --hard=pods=3"),
        ("role.rbac.authorization.k8s.io/one", "create role one --verb=get --resource=replicasets.apps/scale"),
        ("rolebinding.rbac.authorization.k8s.io/one", "create rolebinding one --role=one --user=u --group=g"),
        ("priorityclass.scheduling.k8s.io/one", "create priorityclass one --value=7 --preemption-policy=Never"),
        ("clusterrole.rbac.authorization.k8s.io/one", "create clusterrole one --aggregation-rule=a=b"),
    ],
)
def test_whatever_kubectl_creates(kubectl: Kubectl, made: str, words: str) -> None:
    command, _, program = words.partition(" -- ")
    typed = [word.replace("_", " ") for word in command.split()]
    after = ["--", *program.split()] if program else []
    assert f"{made} created (server dry run)" in kubectl(*typed, "--dry-run=server", *after)
    assert kubectl(*typed, *after) == f"{made} created\n"
    # A bare account says nothing that could be owned.
    assert "serviceaccount" in made or {"kubectl-create", "kubectl-run"} & _managers(kubectl, made)
    assert f"{made.split('.')[0].split('/')[0]}" in kubectl("delete", made)


def test_expose_scale_and_autoscale(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "web", "--image=nginx", "--port=80", "--replicas=3")
    kubectl("expose", "deployment", "web")
    kubectl("expose", "service", "web", "--port=443", "--name=secure", "--type=NodePort")
    assert kubectl.json("get", "service", "secure")["spec"]["ports"][0]["port"] == 443
    for dry in BOTH_DRY:
        kubectl("scale", "deployment", "--all", "--replicas=1", dry)
    assert kubectl.run("scale", "deployment/web", "--current-replicas=9", "--replicas=1").code == 1
    kubectl("scale", "deployment/web", "--current-replicas=3", "--replicas=2")
    assert kubectl.json("get", "deployment", "web")["spec"]["replicas"] == 2
    assert kubectl.json("get", "deployment", "web", "--subresource=scale")["spec"]["replicas"] == 2
    kubectl("autoscale", "deployment", "web", "--min=2", "--max=3")
    for resource in ("hpa", "hpa.autoscaling", "horizontalpodautoscalers.v1.autoscaling"):
        assert kubectl("get", resource, "-o", "jsonpath={.items[0].apiVersion}").startswith("autoscaling/v")
    metric = kubectl.json("get", "hpa", "web")["spec"]["metrics"][0]["resource"]
    assert metric == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    kubectl("create", "-f", "-", stdin=_yaml({**_pod("x"), "metadata": {"name": "x" * 70, "labels": {"a": "b"}}}))
    assert f"service/{'x' * 63} exposed" in kubectl("expose", "pod", "x" * 70, "--port=1")
    kubectl("create", "configmap", "m")
    assert "cannot expose" in kubectl.run("expose", "configmap", "m").err


def test_set_what_a_template_says(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=_yaml(_workload("ReplicaSet", "web", "a:1", replicas=1)))
    kubectl("create", "configmap", "settings", "--from-literal=key-1=one", "--from-literal=key-2=two")
    for number, words in enumerate(
        [
            ("set", "image", "rs/web", "*=a:2"),
            ("set", "env", "rs/web", "--from=configmap/settings", "--keys=key-2"),
            ("set", "resources", "rs/web", "-c=main", "--limits=cpu=200m,memory=512Mi", "--requests=cpu=100m"),
            ("set", "serviceaccount", "rs/web", "robot"),
        ]
    ):
        for dry in BOTH_DRY:
            kubectl(*words, dry)
        assert kubectl.json("get", "rs", "web")["metadata"]["generation"] == number + 1
        kubectl(*words)
    spec = kubectl.json("get", "rs", "web")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert (container["image"], spec["serviceAccountName"]) == ("a:2", "robot")
    assert container["env"][0]["valueFrom"]["configMapKeyRef"] == {"key": "key-2", "name": "settings"}
    assert container["resources"] == {"limits": {"cpu": "200m", "memory": "512Mi"}, "requests": {"cpu": "100m"}}
    assert "kubectl-set" in _managers(kubectl, "rs/web")
    assert kubectl.run("set", "image", "rs/web", "other=x").code == 1
    kubectl("create", "service", "clusterip", "web", "--tcp=80")
    kubectl("set", "selector", "service", "web", "role=master")
    assert "Conflict" in kubectl.run("set", "selector", "service", "web", "a=b", "--resource-version=1").err
    kubectl("create", "rolebinding", "all", "--clusterrole=view", "--user=one")
    kubectl("set", "subject", "rolebinding", "--all", "--serviceaccount=there:two")
    assert [who["name"] for who in kubectl.json("get", "rolebinding", "all")["subjects"]] == ["one", "two"]


def test_nodes_taints_and_drains(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=json.dumps(LOST))
    gone = {"nodeName": "lost", "terminationGracePeriodSeconds": 1}
    on_it = [{**_pod(name, e=name), "spec": {**_pod(name)["spec"], **gone}} for name in ("one", "two")]
    kubectl("create", "-f", "-", stdin=_yaml(*on_it))
    for words in (("taint", "node", "lost", "dedicated=me:PreferNoSchedule"), ("drain", "lost", "--force")):
        for dry in BOTH_DRY:
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


def test_labels_and_annotations(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=_yaml(_pod("one", name="one"), _pod("two")))
    for dry in BOTH_DRY:
        kubectl("label", "pod", "one", "new=x", dry)
    assert kubectl.json("get", "pod", "one")["metadata"]["labels"] == {"name": "one"}
    kubectl("label", "pod", "one", "new=x", "empty=")
    assert kubectl.run("label", "pod", "one", "new=y").code == 1
    kubectl("label", "--overwrite", "pods", "--all", "new=y", "--record")
    assert kubectl("get", "pods", "-l", "new in (y),empty", "-o", "name") == "pod/one\n"
    assert "--record=true" in kubectl("get", "pod", "two", "-o", "yaml")
    kubectl("annotate", "pod", "one", "note=something", "empty=")
    kubectl("annotate", "pod", "one", "note-")
    assert kubectl.json("get", "pod", "one")["metadata"]["annotations"]["empty"] == ""
    assert {"kubectl-create", "kubectl-label", "kubectl-annotate"} <= _managers(kubectl, "pod/one")


def test_apply_prune_replace_and_kustomize(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply", "--prune", "-l", "group=g", "-f", "-", stdin=_yaml(_pod("a", group="g")))
    assert "pod/a pruned" in kubectl("apply", "--prune", "-l", "group=g", "-f", "-", stdin=_yaml(_pod("b", group="g")))
    path = tmp_path / "b.yaml"
    path.write_text(_yaml(_pod("b", group="other")))
    kubectl("replace", "-f", str(path))
    assert kubectl.json("get", "pod", "b")["metadata"]["labels"] == {"group": "other"}
    path.write_text(_yaml(_pod("b", image="another", group="g")))
    kubectl("replace", "--force", "-f", str(path))
    assert kubectl.json("get", "pod", "b")["spec"]["containers"][0]["image"] == "another"
    kubectl("apply", "-f", str(path))
    kubectl("apply", "--server-side", "-f", "-", stdin=_yaml(_pod("b", image="another", group="h")))
    kubectl("apply", "--server-side", "-f", str(path))
    last = json.loads(kubectl("apply", "view-last-applied", "pod/b", "-o", "json"))
    assert last["metadata"]["labels"] == {"group": "g"}
    assert "tolerations" in kubectl.json("get", "pod", "b")["spec"]
    (tmp_path / "kustomization.yaml").write_text("namePrefix: my-\nresources: [all.yaml]\n")
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 1}]}}
    (tmp_path / "all.yaml").write_text(_yaml(_workload("Deployment", "d", "a:1"), service))
    kubectl("apply", "-k", str(tmp_path))
    assert kubectl("get", "-k", str(tmp_path), "-o", "jsonpath={..metadata.name}") == "my-s my-d"
    kubectl("delete", "-k", str(tmp_path))
    fixed = {**service, "spec": {"ports": [{"port": 1}], "clusterIP": "10.96.3.4"}}
    kubectl("apply", "-f", "-", stdin=_yaml(fixed))
    fixed["spec"]["clusterIP"] = "10.96.3.5"
    assert "may not change once set" in kubectl.run("apply", "-f", "-", stdin=_yaml(fixed)).err
    kubectl("apply", "--force", "-f", "-", stdin=_yaml(fixed))
    assert kubectl.json("get", "service", "s")["spec"]["clusterIP"] == "10.96.3.5"


@pytest.mark.parametrize("kind", ["DaemonSet", "StatefulSet", "Deployment"])
def test_rollouts_forth_and_back(kubectl: Kubectl, tmp_path: Path, kind: str) -> None:
    spec = {} if kind == "DaemonSet" else {"replicas": 0}
    path, what = tmp_path / "web.yaml", f"{kind.lower()}/web"
    for image in ("a:1", "a:2"):
        path.write_text(_yaml(_workload(kind, "web", image, **spec)))
        kubectl("apply", "-f", str(path), "--record")
        wanted = "1" if image == "a:1" else "2"
        _until(lambda: kubectl.run("rollout", "history", what).out, f"\n{wanted}  ")
    assert kubectl("rollout", "history", what).count("kubectl apply") == 2
    assert "a:1" in kubectl("rollout", "history", what, "--revision=1")
    for dry in BOTH_DRY:
        kubectl("rollout", "undo", what, dry)
    assert kubectl("get", what, "-o", "jsonpath={..image}") == "a:2"
    kubectl("rollout", "undo", what, "--to-revision=1")
    assert kubectl("get", what, "-o", "jsonpath={..image}") == "a:1"
    assert "unable to find" in kubectl.run("rollout", "undo", what, "--to-revision=99").err
    kubectl("rollout", "restart", what)
    assert "kubectl-rollout" in _managers(kubectl, what)
    if kind == "Deployment":
        kubectl("rollout", "pause", what)
        assert kubectl.run("rollout", "undo", what).code == kubectl.run("rollout", "restart", what).code == 1
        kubectl("rollout", "resume", what)
    generation = kubectl.json("get", what)["metadata"]["generation"]
    kubectl("wait", what, f"--for=jsonpath={{.status.observedGeneration}}={generation}", "--timeout=20s")


def test_get_in_every_form(kubectl: Kubectl) -> None:
    for name in ("c", "a", "b"):
        kubectl("create", "configmap", name)
    kubectl("create", "-f", "-", stdin=_yaml(_pod("one", name="one")))
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
    assert "/clusterroles?limit=10 200 OK" in paged
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
    kubectl("auth", "reconcile", "-f", "-", stdin=_yaml(role))
    rule["verbs"] = ["list"]
    assert "reconciled" in kubectl("auth", "reconcile", "-f", "-", stdin=_yaml(role))
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
    before, after = _yaml(_pod("one", image="a:1")), _yaml(_pod("one", image="a:2"))
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


def test_a_schedule_that_never_comes_round_is_told_of(kubectl: Kubectl) -> None:
    kubectl("create", "cronjob", "pi", "--image=perl", "--schedule=59 23 31 2 *")
    _until(lambda: kubectl("events", "--for=Cronjob/pi"), "InvalidSchedule")
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


def test_patches_of_every_kind(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "web", "--image=a:1")
    container = {"spec": {"template": {"spec": {"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}]}]}}}}
    kubectl("patch", "deployment", "web", "-p", json.dumps(container))
    operations = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "a:2"}]
    kubectl("patch", "deployment", "web", "--type=json", "-p", json.dumps(operations))
    kubectl("patch", "deployment", "web", "--type=merge", "-p", "metadata:\n  labels: {app: null, b: c}\n")
    web = kubectl.json("get", "deployment", "web")
    (made,) = web["spec"]["template"]["spec"]["containers"]
    assert (made["image"], made["env"], web["metadata"]["labels"]) == ("a:2", [{"name": "X", "value": "1"}], {"b": "c"})
    kubectl("patch", "deployment", "web", "--subresource=scale", "--type=merge", "-p", '{"spec": {"replicas": 2}}')
    assert kubectl.json("get", "deployment", "web")["spec"]["replicas"] == 2
    assert "patched (no change)" in kubectl("patch", "deployment", "web", "-p", '{"spec": {"replicas": 2}}')
    wrong = kubectl.run("patch", "deployment", "web", "-p", '{"metadata": {"labels": "invalid"}}').err
    assert "cannot restore map from string" in wrong
    stale = kubectl.run(
        "patch", "deployment", "web", "-p", '{"metadata": {"resourceVersion": "1", "labels": {"d": "e"}}}'
    )
    assert "please apply your changes to the latest version and try again" in stale.err


def test_editing(kubectl: Kubectl, tmp_path: Path) -> None:
    both = _yaml(_pod("mock", my="mock"), _workload("ReplicaSet", "mock", "a:1", replicas=0))
    path = tmp_path / "mock.yaml"
    path.write_text(both)
    kubectl("create", "--edit", "-f", str(path), env=_editor(tmp_path, "s/mock/real/g"))
    assert kubectl("get", "pod,rs", "-o", "name").split() == ["pod/real", "replicaset.apps/real"]
    said = kubectl("edit", "pod/real", "--output-patch", env=_editor(tmp_path, "s/image: busybox/image: other/"))
    assert 'Patch: {"spec"' in said
    assert "kubectl-edit" in _managers(kubectl, "pod/real")
    kubectl("edit", "pod,rs", "--save-config", env=_editor(tmp_path, "s/my: real/my: real\\n      x: why/"))
    assert "last-applied" in kubectl("get", "pod", "real", "-o", "yaml")
    assert "cancelled" in kubectl.run("edit", "pod/real", env={"EDITOR": "cat"}).err


def test_debugging(kubectl: Kubectl) -> None:
    kubectl("run", "target", "--image=nginx")
    kubectl("debug", "target", "--image=busybox", "--attach=false", "-c=look", "--profile=general")
    assert kubectl("get", "pod", "target", "-o", "jsonpath={.spec.ephemeralContainers[*].name}") == "look"
    kubectl("debug", "target", "--copy-to=copy", "--image=busybox", "--attach=false", "-c=look", "--profile=sysadmin")
    assert kubectl("get", "pod", "copy", "-o", "jsonpath={.spec.containers[*].image}") == "nginx busybox"
    assert "does not have a host assigned" in kubectl.run("exec", "target", "--", "date").err
    assert kubectl("logs", "target", "-c=target") == ""


def test_deleting(kubectl: Kubectl) -> None:
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    volume = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/tmp/x"}}
    for kind, spec in (("PersistentVolumeClaim", claim), ("PersistentVolume", volume)):
        made = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "disk"}, "spec": spec}
        kubectl("create", "-f", "-", stdin=_yaml(made))
        assert f'{kind.lower()} "disk" deleted' in kubectl("delete", kind, "disk", "--timeout=20s")
    kubectl("create", "-f", "-", stdin=_yaml(_workload("ReplicaSet", "web", "a:1", replicas=2), _pod("lone")))
    kubectl("wait", "rs/web", "--for=jsonpath={.status.replicas}=2", "--timeout=20s")
    kubectl("delete", "rs", "web", "--cascade=orphan")
    assert len(kubectl("get", "pods", "-l", "app=web", "-o", "name").split()) == 2
    assert kubectl.run("delete", "pods").code == 1
    kubectl("delete", "pods", "-l", "app=web", "--dry-run=server")
    kubectl("delete", "pods", "-l", "app=web", "--now")
    assert kubectl("get", "pods", "-o", "name") == "pod/lone\n"
    kubectl("delete", "pods", "--all", "--grace-period=0", "--force")
    assert "No resources found" in kubectl.run("get", "pods").err
