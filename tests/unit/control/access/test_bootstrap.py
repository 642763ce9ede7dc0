"""Bootstrap objects: all of registered kinds, each once, agreeing with each other; roles are only ever added to."""

import pytest

from bascule.control.access import bootstrap
from bascule.vocabulary import builtins, objects


def wanted() -> list[objects.Object]:
    return bootstrap.desired(bootstrap.Settings(api_address="192.0.2.7", api_port=6444))


def test_every_object_is_of_a_known_kind_and_unique() -> None:
    seen = set()
    for obj in wanted():
        row = builtins.REGISTRY.by_kind(obj["apiVersion"], obj["kind"])
        assert row is not None, (obj["apiVersion"], obj["kind"])
        assert row.namespaced == bool(objects.namespace(obj))
        identity = (row.qualified, objects.key(obj))
        assert identity not in seen
        seen.add(identity)
    for group, version in builtins.REGISTRY.group_versions():
        if group == "apiregistration.k8s.io":  # It describes the others, not itself.
            continue
        assert ("apiservices.apiregistration.k8s.io", objects.Key("root", "", f"{version}.{group}")) in seen


def test_namespaces_come_before_what_is_in_them() -> None:
    known = set()
    for obj in wanted():
        if obj["kind"] == "Namespace":
            known.add(objects.name(obj))
        assert not objects.namespace(obj) or objects.namespace(obj) in known


def test_kubernetes_service_agrees() -> None:
    found = {obj["kind"]: obj for obj in wanted() if objects.name(obj) == "kubernetes"}
    assert found["Service"]["spec"]["clusterIP"] == "10.96.0.1"
    assert found["Endpoints"]["subsets"][0]["addresses"] == [{"ip": "192.0.2.7"}]
    assert found["EndpointSlice"]["endpoints"][0]["addresses"] == ["192.0.2.7"]
    ports = [
        found["Service"]["spec"]["ports"][0]["targetPort"],
        found["Endpoints"]["subsets"][0]["ports"][0]["port"],
        found["EndpointSlice"]["ports"][0]["port"],
    ]
    assert ports == [6444] * 3
    moved = bootstrap.reconcile(
        found["Endpoints"], {**found["Endpoints"], "subsets": [{"addresses": [{"ip": "192.0.2.8"}]}]}
    )
    assert moved is not None
    assert moved["subsets"][0]["addresses"] == [{"ip": "192.0.2.8"}]


def test_flow_schemas_name_levels_that_exist() -> None:
    made = wanted()
    levels = {objects.name(obj) for obj in made if obj["kind"] == "PriorityLevelConfiguration"}
    schemas = [obj for obj in made if obj["kind"] == "FlowSchema"]
    assert len(schemas) >= 10
    assert {obj["spec"]["priorityLevelConfiguration"]["name"] for obj in schemas} <= levels


@pytest.mark.parametrize("obj", wanted(), ids=lambda obj: f"{obj['kind']}-{objects.name(obj)}")
def test_reconciling_what_is_right_changes_nothing(obj: objects.Object) -> None:
    assert bootstrap.reconcile(obj, obj) is None


def test_roles_are_added_to_never_cut() -> None:
    role = next(obj for obj in wanted() if objects.name(obj) == "system:kube-scheduler" and "rules" in obj)
    extra = {"verbs": ["get"], "apiGroups": ["x"], "resources": ["y"]}
    changed = bootstrap.reconcile({**role, "rules": [extra]}, role)
    assert changed is not None
    assert changed["rules"] == [extra, *role["rules"]]
    kept = objects.deep_copy({**role, "rules": []})
    kept["metadata"]["annotations"]["rbac.authorization.kubernetes.io/autoupdate"] = "false"
    assert bootstrap.reconcile(kept, role) is None


def test_bindings_regain_subjects() -> None:
    binding = next(obj for obj in wanted() if obj["kind"] == "ClusterRoleBinding" and obj.get("subjects"))
    other = {"kind": "User", "name": "x"}
    changed = bootstrap.reconcile({**binding, "subjects": [other]}, binding)
    assert changed is not None
    assert changed["subjects"] == [other, *binding["subjects"]]


def test_other_clusters_are_marked() -> None:
    made = bootstrap.desired(bootstrap.Settings(cluster="team-a"))
    assert {objects.cluster(obj) for obj in made} == {"team-a"}


def test_the_roles_of_upstreams_controllers_are_their_accounts() -> None:
    made = {(obj["kind"], objects.name(obj)): obj for obj in wanted()}
    name = "system:controller:deployment-controller"
    assert {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "update"]} in made[
        "ClusterRole", name
    ]["rules"]
    roles = [key[1] for key in made if key[0] == "ClusterRole" and key[1].startswith("system:controller:")]
    assert len(roles) >= 38
    for role in roles:
        binding = made["ClusterRoleBinding", role]
        assert binding["roleRef"]["name"] == role
        account = {"kind": "ServiceAccount", "namespace": "kube-system", "name": role.rpartition(":")[2]}
        assert binding["subjects"] == [account]
    elsewhere = bootstrap.desired(bootstrap.Settings(cluster="other"))
    assert not any(objects.name(obj) == name for obj in elsewhere)
