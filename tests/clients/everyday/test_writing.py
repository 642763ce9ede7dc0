"""The everyday work of people and their scripts with kubectl: what they make and change.

Each test is a session in a namespace of its own: what is typed, what is answered, and what the world is after it.
"""

import json
from pathlib import Path

import pytest

from tests.clients.conftest import Kubectl
from tests.clients.everyday import session

pytestmark = [pytest.mark.scenario, pytest.mark.slow]


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
    assert "serviceaccount" in made or {"kubectl-create", "kubectl-run"} & session.managers(kubectl, made)
    assert f"{made.split('.')[0].split('/')[0]}" in kubectl("delete", made)


def test_expose_scale_and_autoscale(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "web", "--image=nginx", "--port=80", "--replicas=3")
    kubectl("expose", "deployment", "web")
    kubectl("expose", "service", "web", "--port=443", "--name=secure", "--type=NodePort")
    assert kubectl.json("get", "service", "secure")["spec"]["ports"][0]["port"] == 443
    for dry in session.BOTH_DRY:
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
    kubectl(
        "create",
        "-f",
        "-",
        stdin=session.dump({**session.pod("x"), "metadata": {"name": "x" * 70, "labels": {"a": "b"}}}),
    )
    assert f"service/{'x' * 63} exposed" in kubectl("expose", "pod", "x" * 70, "--port=1")
    kubectl("create", "configmap", "m")
    assert "cannot expose" in kubectl.run("expose", "configmap", "m").err


def test_set_what_a_template_says(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=session.dump(session.workload("ReplicaSet", "web", "a:1", replicas=1)))
    kubectl("create", "configmap", "settings", "--from-literal=key-1=one", "--from-literal=key-2=two")
    for number, words in enumerate(
        [
            ("set", "image", "rs/web", "*=a:2"),
            ("set", "env", "rs/web", "--from=configmap/settings", "--keys=key-2"),
            ("set", "resources", "rs/web", "-c=main", "--limits=cpu=200m,memory=512Mi", "--requests=cpu=100m"),
            ("set", "serviceaccount", "rs/web", "robot"),
        ]
    ):
        for dry in session.BOTH_DRY:
            kubectl(*words, dry)
        assert kubectl.json("get", "rs", "web")["metadata"]["generation"] == number + 1
        kubectl(*words)
    spec = kubectl.json("get", "rs", "web")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert (container["image"], spec["serviceAccountName"]) == ("a:2", "robot")
    assert container["env"][0]["valueFrom"]["configMapKeyRef"] == {"key": "key-2", "name": "settings"}
    assert container["resources"] == {"limits": {"cpu": "200m", "memory": "512Mi"}, "requests": {"cpu": "100m"}}
    assert "kubectl-set" in session.managers(kubectl, "rs/web")
    assert kubectl.run("set", "image", "rs/web", "other=x").code == 1
    kubectl("create", "service", "clusterip", "web", "--tcp=80")
    kubectl("set", "selector", "service", "web", "role=master")
    assert "Conflict" in kubectl.run("set", "selector", "service", "web", "a=b", "--resource-version=1").err
    kubectl("create", "rolebinding", "all", "--clusterrole=view", "--user=one")
    kubectl("set", "subject", "rolebinding", "--all", "--serviceaccount=there:two")
    assert [who["name"] for who in kubectl.json("get", "rolebinding", "all")["subjects"]] == ["one", "two"]


def test_labels_and_annotations(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=session.dump(session.pod("one", name="one"), session.pod("two")))
    for dry in session.BOTH_DRY:
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
    assert {"kubectl-create", "kubectl-label", "kubectl-annotate"} <= session.managers(kubectl, "pod/one")


def test_apply_prune_replace_and_kustomize(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply", "--prune", "-l", "group=g", "-f", "-", stdin=session.dump(session.pod("a", group="g")))
    assert "pod/a pruned" in kubectl(
        "apply", "--prune", "-l", "group=g", "-f", "-", stdin=session.dump(session.pod("b", group="g"))
    )
    path = tmp_path / "b.yaml"
    path.write_text(session.dump(session.pod("b", group="other")))
    kubectl("replace", "-f", str(path))
    assert kubectl.json("get", "pod", "b")["metadata"]["labels"] == {"group": "other"}
    path.write_text(session.dump(session.pod("b", image="another", group="g")))
    kubectl("replace", "--force", "-f", str(path))
    assert kubectl.json("get", "pod", "b")["spec"]["containers"][0]["image"] == "another"
    kubectl("apply", "-f", str(path))
    kubectl("apply", "--server-side", "-f", "-", stdin=session.dump(session.pod("b", image="another", group="h")))
    kubectl("apply", "--server-side", "-f", str(path))
    last = json.loads(kubectl("apply", "view-last-applied", "pod/b", "-o", "json"))
    assert last["metadata"]["labels"] == {"group": "g"}
    assert "tolerations" in kubectl.json("get", "pod", "b")["spec"]
    (tmp_path / "kustomization.yaml").write_text("namePrefix: my-\nresources: [all.yaml]\n")
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 1}]}}
    (tmp_path / "all.yaml").write_text(session.dump(session.workload("Deployment", "d", "a:1"), service))
    kubectl("apply", "-k", str(tmp_path))
    assert kubectl("get", "-k", str(tmp_path), "-o", "jsonpath={..metadata.name}") == "my-s my-d"
    kubectl("delete", "-k", str(tmp_path))
    fixed = {**service, "spec": {"ports": [{"port": 1}], "clusterIP": "10.96.3.4"}}
    kubectl("apply", "-f", "-", stdin=session.dump(fixed))
    fixed["spec"]["clusterIP"] = "10.96.3.5"
    assert "may not change once set" in kubectl.run("apply", "-f", "-", stdin=session.dump(fixed)).err
    kubectl("apply", "--force", "-f", "-", stdin=session.dump(fixed))
    assert kubectl.json("get", "service", "s")["spec"]["clusterIP"] == "10.96.3.5"


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


def test_patches_that_cannot_be_are_explained(kubectl: Kubectl) -> None:
    """And leave the object, and the list it is in, as they were."""
    kubectl("create", "configmap", "one", "--from-literal=a=b")
    before = kubectl("get", "configmap", "one", "-o", "yaml")
    absent = kubectl.run("patch", "cm", "one", "--type=json", "-p", '[{"op": "remove", "path": "/data/c"}]').err
    assert absent.startswith("The request is invalid: the server rejected our request due to an error in our request")
    assert "there is nothing at /data/c" in absent
    for patch in ('{"kind": "Secret"}', '{"apiVersion": "apps/v1"}'):
        assert "cannot be handled as a ConfigMap" in kubectl.run("patch", "cm", "one", "--type=merge", "-p", patch).err
        assert kubectl.run("patch", "cm", "one", "-p", patch).out == "configmap/one patched (no change)\n"
    assert kubectl("patch", "cm", "one", "--type=json", "-p", '[{"op": "remove", "path": "/kind"}]').endswith(
        "configmap/one patched (no change)\n"
    )
    assert "error decoding patch: " in kubectl.run("patch", "cm", "one", "--type=merge", "-p", '{"data":').err
    assert kubectl("get", "configmap", "one", "-o", "yaml") == before


def _editor(folder: Path, script: str) -> dict[str, str]:
    """The environment of a user whose editor runs `sed`."""
    path = folder / "editor.sh"
    path.write_text(f'#!/bin/sh\nsed -i "{script}" "$@"\n')
    path.chmod(0o755)
    return {"EDITOR": str(path)}


def test_editing(kubectl: Kubectl, tmp_path: Path) -> None:
    both = session.dump(session.pod("mock", my="mock"), session.workload("ReplicaSet", "mock", "a:1", replicas=0))
    path = tmp_path / "mock.yaml"
    path.write_text(both)
    kubectl("create", "--edit", "-f", str(path), env=_editor(tmp_path, "s/mock/real/g"))
    assert kubectl("get", "pod,rs", "-o", "name").split() == ["pod/real", "replicaset.apps/real"]
    said = kubectl("edit", "pod/real", "--output-patch", env=_editor(tmp_path, "s/image: busybox/image: other/"))
    assert 'Patch: {"spec"' in said
    assert "kubectl-edit" in session.managers(kubectl, "pod/real")
    kubectl("edit", "pod,rs", "--save-config", env=_editor(tmp_path, "s/my: real/my: real\\n      x: why/"))
    assert "last-applied" in kubectl("get", "pod", "real", "-o", "yaml")
    assert "cancelled" in kubectl.run("edit", "pod/real", env={"EDITOR": "cat"}).err


def test_deleting(kubectl: Kubectl) -> None:
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    volume = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/tmp/x"}}
    for kind, spec in (("PersistentVolumeClaim", claim), ("PersistentVolume", volume)):
        made = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "disk"}, "spec": spec}
        kubectl("create", "-f", "-", stdin=session.dump(made))
        assert f'{kind.lower()} "disk" deleted' in kubectl("delete", kind, "disk", "--timeout=20s")
    kubectl(
        "create",
        "-f",
        "-",
        stdin=session.dump(session.workload("ReplicaSet", "web", "a:1", replicas=2), session.pod("lone")),
    )
    kubectl("wait", "rs/web", "--for=jsonpath={.status.replicas}=2", "--timeout=20s")
    kubectl("delete", "rs", "web", "--cascade=orphan")
    assert len(kubectl("get", "pods", "-l", "app=web", "-o", "name").split()) == 2
    assert kubectl.run("delete", "pods").code == 1
    kubectl("delete", "pods", "-l", "app=web", "--dry-run=server")
    kubectl("delete", "pods", "-l", "app=web", "--now")
    assert kubectl("get", "pods", "-o", "name") == "pod/lone\n"
    kubectl("delete", "pods", "--all", "--grace-period=0", "--force")
    assert "No resources found" in kubectl.run("get", "pods").err
