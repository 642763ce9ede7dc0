"""Quota status and the rules of aggregating roles: what is decided from what there is."""

import pytest

from bascule.control.controllers import cluster_role_aggregation, resource_quota
from tests.unit.control.controllers import make


def quota(**hard):
    metadata = {"name": "q", "namespace": "n"}
    return {"metadata": metadata, "spec": {"hard": {key.replace("_", "."): value for key, value in hard.items()}}}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pods", ("", "pods")),
        ("limits.nvidia.com/gpu", ("", "pods")),
        ("services.nodeports", ("", "services")),
        ("requests.storage", ("", "persistentvolumeclaims")),
        ("gold.storageclass.storage.k8s.io/persistentvolumeclaims", ("", "persistentvolumeclaims")),
        ("secrets", ("", "secrets")),
        ("count/deployments.apps", ("apps", "deployments")),
        ("count/widgets.example.com", ("example.com", "widgets")),
        ("count/pods", ("", "pods")),
    ],
)
def test_each_quota_resource_counts_one_kind(name, kind):
    assert resource_quota.counted(name) == kind


def test_used_adds_up_what_is_held_and_names_every_limit():
    container = {"name": "c", "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}}}
    pods = [make.pod("a", containers=[container]), make.pod("b", containers=[container])]
    ended = make.pod("c", phase="Succeeded", containers=[container])
    subject = quota(pods="5", cpu="1", requests_memory="1Gi", configmaps="3", services="2")
    status = resource_quota.decide(subject, {("", "pods"): [*pods, ended]}, {("", "configmaps"): 2})
    assert status["hard"] == subject["spec"]["hard"]
    assert status["used"] == {
        "pods": "2",
        "cpu": "500m",
        "requests.memory": "128Mi",
        "configmaps": "2",
        "services": "0",
    }


def test_a_scoped_quota_counts_its_pods_only():
    subject = quota(pods="5")
    subject["spec"]["scopes"] = ["Terminating"]
    pods = [make.pod("a"), make.pod("b", activeDeadlineSeconds=9)]
    assert resource_quota.decide(subject, {("", "pods"): pods}, {})["used"] == {"pods": "1"}


def role(name, rules=(), labels=None, selects=None):
    made = {"metadata": {"name": name, "labels": labels or {}}, "rules": list(rules)}
    if selects is not None:
        made["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": selects}]}
    return made


def test_an_aggregating_role_has_the_rules_of_what_it_selects_once_each():
    reading, writing = {"verbs": ["get"], "resources": ["a"]}, {"verbs": ["update"], "resources": ["a"]}
    to = {"to": "x"}
    subject = role("x", [{"verbs": ["old"]}], labels=to, selects=to)
    others = [role("c", [writing, reading], to), role("b", [reading], to), role("d", [writing], {}), subject]
    assert cluster_role_aggregation.decide(subject, others) == [reading, writing]


@pytest.mark.parametrize(("selectors", "count"), [([None], 0), (None, 0), ([{}], 1)])
def test_an_empty_selector_selects_everything_and_none_nothing(selectors, count):
    subject = role("x")
    subject["aggregationRule"] = {"clusterRoleSelectors": selectors}
    assert len(cluster_role_aggregation.decide(subject, [role("b", [{"verbs": ["get"]}])])) == count
