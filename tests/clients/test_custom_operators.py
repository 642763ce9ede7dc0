"""Definitions as large installations have them, in the style of well-known operators: huge, nested, with free parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.clients.conftest import Kubectl

pytestmark = [pytest.mark.scenario, pytest.mark.slow]

GROUP = "operators.example.com"
AMOUNT = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE])?$"
TEXT = {"type": "string"}
FREE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
Object = dict[str, Any]


def _crd(kind: str, spec: Object, **version: Any) -> Object:
    plural = kind.lower() + "s"
    schema = {"type": "object", "properties": {"spec": spec, "status": FREE}}
    served = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **version}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [served],
        },
    }


def _embedding() -> Object:
    """Pods' templates written out, as operators of databases and monitors do: about 400 KB."""
    words = {"type": "object", "properties": {name: {**TEXT, "description": name * 300} for name in "abcd"}}
    port = {"containerPort": {"type": "integer", "format": "int32"}, "protocol": {**TEXT, "default": "TCP"}}
    ports = {"type": "object", "required": ["containerPort"], "properties": port}
    keys = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["containerPort", "protocol"]}
    amount = {"anyOf": [{"type": "integer"}, TEXT], "pattern": AMOUNT, "x-kubernetes-int-or-string": True}
    container = {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": TEXT,
            "ports": {"type": "array", **keys, "items": ports},
            "limits": {"type": "object", "additionalProperties": amount},
            **{f"field{number}": words for number in range(150)},
        },
    }
    listed = {"type": "array", "items": container}
    claim = {**FREE, "x-kubernetes-embedded-resource": True}
    spec = {
        "type": "object",
        "properties": {
            "replicas": {"type": "integer", "format": "int32"},
            "containers": listed,
            "initContainers": listed,
            "claim": claim,
        },
    }
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    return _crd("Monitor", spec, subresources={"status": {}, "scale": scale})


def _routing() -> Object:
    """One of several fields, or none, as meshes generate it from protocol buffers."""
    ways = ("exact", "prefix", "regex")
    required = [{"required": [way]} for way in ways]
    uri = {
        "type": "object",
        "oneOf": [{"not": {"anyOf": required}}, *required],
        "properties": dict.fromkeys(ways, TEXT),
    }
    long_enough = {"rule": "duration(self) >= duration('1ms')", "message": "must be a valid duration"}
    timeout = {**TEXT, "x-kubernetes-validations": [long_enough]}
    column = {"name": "Hosts", "type": "string", "jsonPath": ".spec.hosts"}
    hosts = {"type": "array", "items": TEXT}
    spec = {"type": "object", "properties": {"hosts": hosts, "uri": uri, "timeout": timeout}}
    return _crd("Route", spec, additionalPrinterColumns=[column])


def _object(kind: str, spec: Object) -> str:
    return json.dumps({"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": "one"}, "spec": spec})


def _establish(kubectl: Kubectl, crd: Object, tmp_path: Path) -> Path:
    path = tmp_path / "crd.yaml"
    path.write_text(yaml.safe_dump(crd))
    kubectl("apply", "--server-side", "-f", str(path))
    kubectl("wait", "--for=condition=Established", "--timeout=20s", "crd", crd["metadata"]["name"])
    return path


def test_a_definition_of_400_kilobytes_is_applied_by_the_server_and_replaced(kubectl: Kubectl, tmp_path: Path) -> None:
    path = tmp_path / "crd.yaml"
    path.write_text(json.dumps(_embedding()))
    refused = kubectl.run("apply", "-f", str(path))
    assert "metadata.annotations: Too long: may not be more than 262144 bytes" in refused.err
    _establish(kubectl, _embedding(), tmp_path)
    again = kubectl.run("apply", "--server-side", "-f", str(path))
    assert (again.code, "unrecognized format" in again.err) == (0, False)
    kubectl("replace", "-f", str(path))
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": {"any": 1}}
    container = {"name": "c", "ports": [{"containerPort": 80}], "limits": {"cpu": 1, "memory": "1Gi"}}
    spec = {"replicas": 2, "containers": [container], "claim": claim}
    for words in ((), ("--server-side", "--force-conflicts")):
        kubectl("apply", *words, "-f", "-", stdin=_object("Monitor", spec))
    kubectl("scale", "--replicas=3", "monitor/one")
    kept = kubectl.json("get", "monitor", "one")["spec"]
    assert kept["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert (kept["replicas"], kept["claim"]) == (3, claim)
    for spoiled, text in (
        ({"limits": {"cpu": "x"}}, "spec.containers[0].limits.cpu in body should match"),
        ({"ports": [{"containerPort": 80}] * 2}, "spec.containers[0].ports[1]: Duplicate value"),
        ({"limits": {"cpu": 1.5}}, "must be of type integer,string"),
    ):
        patch = json.dumps({"spec": {"containers": [{**container, **spoiled}]}})
        assert text in kubectl.run("patch", "monitor", "one", "--type=merge", "-p", patch).err
    labelled = json.dumps({"spec": {"claim": {"metadata": {"labels": {"a b": "c"}}}}})
    assert "spec.claim.metadata.labels" in kubectl.run("patch", "monitor", "one", "--type=merge", "-p", labelled).err
    assert "claim\t<Object>" in kubectl("explain", "monitor.spec")


def test_one_of_several_fields_is_demanded_and_an_editor_changes_it(kubectl: Kubectl, tmp_path: Path) -> None:
    _establish(kubectl, _routing(), tmp_path)
    kubectl("apply", "-f", "-", stdin=_object("Route", {"hosts": ["a", "b"], "uri": {"prefix": "/"}, "timeout": "5s"}))
    assert kubectl("get", "routes").split() == ["NAME", "HOSTS", "one", '["a","b"]']
    for patch, text in (
        ({"uri": {"exact": "/"}}, '"spec.uri" must validate one and only one schema (oneOf). Found 2 valid'),
        ({"timeout": "0.1ms"}, 'spec.timeout: Invalid value: "0.1ms": must be a valid duration'),
    ):
        refused = kubectl.run("patch", "route", "one", "--type=merge", "-p", json.dumps({"spec": patch}))
        assert text in refused.err
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/prefix: .*/regex: x.*/" "$1"\n')
    editor.chmod(0o755)
    edited = kubectl("edit", "route", "one", env={"EDITOR": str(editor)})
    assert edited == f"route.{GROUP}/one edited\n"
    assert kubectl.json("get", "route", "one")["spec"]["uri"] == {"regex": "x.*"}
    wrong = kubectl.run("patch", "route", "one", "-p", "{}")
    assert "application/strategic-merge-patch+json is not supported" in wrong.err
    kubectl("patch", "route", "one", "--type=merge", "-p", '{"spec":{"hosts":["c"]}}')
    assert "Hosts:\n    c" in kubectl("describe", "route", "one")
