"""kubectl and custom resources: a definition's life, what is explained and refused, the Gateway API's definitions."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest
import yaml

from tests.clients.conftest import Kubectl

pytestmark = [pytest.mark.scenario, pytest.mark.slow]

CRONTABS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: crontabs, kind: CronTab, shortNames: [ct]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}
    additionalPrinterColumns:
    - {name: Image, type: string, jsonPath: .spec.image}
    selectableFields: [{jsonPath: .spec.image}]
    schema:
      openAPIV3Schema:
        description: A job at certain times
        type: object
        properties:
          spec:
            type: object
            description: What is to be done and when
            required: [image]
            properties:
              image: {type: string, description: What runs}
              replicas: {type: integer, minimum: 0, maximum: 10, default: 1}
          status:
            type: object
            properties: {replicas: {type: integer}}
"""
ESTABLISHED = ("wait", "--for=condition=Established", "--timeout=20s", "crd")
MANIFESTS = Path(os.environ.get("BASCULE_MANIFESTS", Path(__file__).parents[3] / "shared" / "manifests"))


def _crontab(**spec: object) -> str:
    return yaml.safe_dump(
        {"apiVersion": "stable.example.com/v1", "kind": "CronTab", "metadata": {"name": "one"}, "spec": spec}
    )


@pytest.fixture
def crontabs(kubectl: Kubectl) -> Kubectl:
    kubectl("apply", "-f", "-", stdin=CRONTABS)
    kubectl(*ESTABLISHED, "crontabs.stable.example.com")
    return kubectl


def test_a_custom_resource_is_worked_with_as_any_other(crontabs: Kubectl) -> None:
    assert crontabs("apply", "-f", "-", stdin=_crontab(image="a")) == "crontab.stable.example.com/one created\n"
    assert crontabs("apply", "-f", "-", stdin=_crontab(image="a")) == "crontab.stable.example.com/one unchanged\n"
    assert crontabs("get", "ct").split() == ["NAME", "IMAGE", "one", "a"]
    crontabs("scale", "--replicas=4", "ct/one")
    crontabs("patch", "ct", "one", "--subresource=status", "--type=merge", "-p", '{"status":{"replicas":3}}')
    crontabs("label", "ct", "one", "kind=test")
    obj = crontabs.json("get", "ct", "one")
    assert (obj["spec"], obj["status"]) == ({"image": "a", "replicas": 4}, {"replicas": 3})
    assert obj["metadata"]["generation"] == 2
    assert crontabs("get", "ct", "-l", "kind=test", "-o", "name") == "crontab.stable.example.com/one\n"
    assert crontabs("get", "ct", "--field-selector", "spec.image=b", "-o", "name") == ""
    crontabs("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=_crontab(image="b", replicas=2))
    assert crontabs.json("get", "ct", "one")["spec"] == {"image": "b", "replicas": 2}
    crontabs("delete", "crd", "crontabs.stable.example.com", "--timeout=20s")
    assert "the server could not find the requested resource" in crontabs.run("get", "ct").err  # kubectl remembers it.


def test_what_does_not_fit_is_refused_and_what_fits_is_explained(crontabs: Kubectl) -> None:
    unknown = crontabs.run("apply", "-f", "-", stdin=_crontab(image="a", more=1))
    assert 'strict decoding error: unknown field "spec.more"' in unknown.err
    for spec, text in (
        ({}, "spec.image: Required value"),
        ({"image": 5}, 'spec.image in body must be of type string: "integer"'),
        ({"image": "a", "replicas": 11}, "spec.replicas in body should be less than or equal to 10"),
    ):
        assert text in crontabs.run("create", "-f", "-", stdin=_crontab(**spec)).err
    explained = crontabs("explain", "crontabs.spec")
    assert "What is to be done and when" in explained
    assert "image\t<string> -required-" in explained


def test_a_cluster_has_definitions_of_its_own(crontabs: Kubectl) -> None:
    server = crontabs("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}")
    there = ("--server", f"{server}/clusters/blue")
    assert "the server doesn't have a resource type" in crontabs.run(*there, "get", "crontabs").err
    crontabs(*there, "apply", "-f", "-", stdin=CRONTABS.replace("Namespaced", "Cluster"))
    crontabs(*there, *ESTABLISHED, "crontabs.stable.example.com")
    crontabs(*there, "apply", "-f", "-", stdin=_crontab(image="there"))
    assert crontabs(*there, "get", "ct", "-o", "name") == "crontab.stable.example.com/one\n"
    assert crontabs("get", "ct", "-A", "-o", "name") == ""
    assert "crontabs" in crontabs(*there, "api-resources", "--namespaced=false", "-o", "name")
    assert "stable.example.com" not in crontabs("api-resources", "--namespaced=false", "-o", "name")


def test_the_gateway_api_is_taken_and_its_rules_are_kept(kubectl: Kubectl) -> None:
    manifest = MANIFESTS / "gateway-api-standard-crds.yaml"
    if not manifest.exists():
        text = f"{manifest} is not there (BASCULE_MANIFESTS names its folder): the Gateway API is NOT tested"
        warnings.warn(pytest.PytestWarning(text), stacklevel=1) if os.environ.get("CI") else print(text)
        pytest.skip(text)
    kubectl("apply", "-f", str(manifest))
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(manifest))
    kubectl(*ESTABLISHED, "--all")
    gateway = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "g"}}
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    good = yaml.safe_dump({**gateway, "spec": {"gatewayClassName": "c", "listeners": [listener]}})
    with_tls = {**listener, "tls": {"mode": "Terminate"}}
    bad = yaml.safe_dump({**gateway, "spec": {"gatewayClassName": "c", "listeners": [with_tls]}})
    for words in ((), ("--server-side", "--force-conflicts")):
        kubectl("apply", *words, "-f", "-", stdin=good)
        assert "tls must not be specified for protocols" in kubectl.run("apply", *words, "-f", "-", stdin=bad).err
    (kept,) = kubectl.json("get", "gtw", "g")["spec"]["listeners"]
    assert kept["allowedRoutes"]["namespaces"] == {"from": "Same"}
    assert "tls" not in kept
