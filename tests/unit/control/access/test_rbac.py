"""RBAC: the compiled answers are those of a plain reading of the rules; changes count at once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.control.access import authorization, rbac, rules, user
from tests.unit.control.access import world

GROUP = rbac.GROUP
VERBS = ["get", "list", "create", "*"]
RESOURCES = ["pods", "pods/log", "*/scale", "secrets", "*"]
GROUPS = ["", "apps", "*"]
NAMES = ["a", "b"]
NAMESPACES = ["one", "two"]

rule_documents = st.fixed_dictionaries(
    {
        "verbs": st.lists(st.sampled_from(VERBS), min_size=1, max_size=2),
        "apiGroups": st.lists(st.sampled_from(GROUPS), min_size=1, max_size=2),
        "resources": st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2),
        "resourceNames": st.lists(st.sampled_from(NAMES), max_size=2),
    }
)
subjects = st.sampled_from(
    [{"kind": "User", "name": "alice"}, {"kind": "Group", "name": "staff"}, {"kind": "User", "name": "bob"}]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(rule_documents, subjects, st.sampled_from(["", *NAMESPACES])), max_size=5),
    st.sampled_from(["get", "list", "create"]),
    st.sampled_from(["", "apps"]),
    st.sampled_from(["pods", "pods/log", "deployments/scale", "secrets"]),
    st.sampled_from(["", *NAMESPACES]),
    st.sampled_from(["", *NAMES]),
)
def test_same_as_plain_reading(
    grants: list[tuple[dict[str, list[str]], dict[str, str], str]],
    verb: str,
    group: str,
    resource: str,
    namespace: str,
    name: str,
) -> None:
    held = world.DictReader()
    for index, (document, subject, place) in enumerate(grants):
        held.put(GROUP, "clusterroles", world.role(f"r{index}", [document]))
        made = world.binding(f"b{index}", "ClusterRole", f"r{index}", subject, place)
        held.put(GROUP, "rolebindings" if place else "clusterrolebindings", made)
    who = user.User("alice", ("staff",))
    expected = any(
        subject["name"] in ("alice", "staff")
        and place in ("", namespace)
        and rules.parse(document).allows(verb, group, resource, name)
        for document, subject, place in grants
    )
    plural, _, subresource = resource.partition("/")
    asked = authorization.Attributes(who, verb, "root", group, plural, subresource, namespace, name)
    authorizer = authorization.Authorizer(held)
    assert authorizer.decide(asked).allowed == expected
    assert authorizer.decide(asked).allowed == expected  # and again, from memory


@settings(max_examples=100, deadline=None)
@given(st.lists(rule_documents, max_size=3), rule_documents)
def test_covered_rules_grant_nothing_new(held: list[dict[str, list[str]]], wanted: dict[str, list[str]]) -> None:
    owned, one = [rules.parse(document) for document in held], rules.parse(wanted)
    if rules.uncovered(owned, [one]):
        return
    for verb in ("get", "list", "create", "odd"):
        for group in ("", "apps", "other"):
            for resource in ("pods", "pods/log", "deployments/scale", "secrets", "odd"):
                for name in ("", "a", "b"):
                    if one.allows(verb, group, resource, name):
                        assert any(rule.allows(verb, group, resource, name) for rule in owned)


def test_changes_count_at_once() -> None:
    held = world.DictReader()
    authorizer = authorization.Authorizer(held)
    asked = authorization.Attributes(world.ALICE, "get", resource="pods", namespace="one")
    assert not authorizer.decide(asked).allowed
    held.put(GROUP, "clusterroles", world.role("r", [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]))
    held.put(GROUP, "rolebindings", world.binding("b", "ClusterRole", "r", {"kind": "User", "name": "alice"}, "one"))
    decision = authorizer.decide(asked)
    assert decision.allowed
    assert decision.reason == 'RBAC: allowed by RoleBinding "b/one" of ClusterRole "r" to User "alice"'
    held.remove(GROUP, "rolebindings", "one", "b")
    assert not authorizer.decide(asked).allowed


def test_aggregation_counts_without_a_controller() -> None:
    held = world.bootstrapped()
    extra = world.role("crontabs", [{"verbs": ["get"], "apiGroups": ["stable.example.com"], "resources": ["crontabs"]}])
    extra["metadata"]["labels"] = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    held.put(
        GROUP, "rolebindings", world.binding("b", "ClusterRole", "admin", {"kind": "User", "name": "alice"}, "one")
    )
    asked = authorization.Attributes(world.ALICE, "get", "root", "stable.example.com", "crontabs", "", "one")
    authorizer = authorization.Authorizer(held)
    assert not authorizer.decide(asked).allowed
    held.put(GROUP, "clusterroles", extra)
    assert authorizer.decide(asked).allowed
    assert authorizer.decide(asked._replace(group="", resource="secrets", verb="create")).allowed
    assert not authorizer.decide(asked._replace(namespace="two")).allowed


def test_service_account_subjects_default_to_the_bindings_namespace() -> None:
    held = world.DictReader()
    held.put(GROUP, "roles", world.role("r", [{"verbs": ["*"], "apiGroups": [""], "resources": ["pods"]}], "one"))
    held.put(GROUP, "rolebindings", world.binding("b", "Role", "r", {"kind": "ServiceAccount", "name": "sa"}, "one"))
    account = user.User("system:serviceaccount:one:sa", home="root")
    authorizer = authorization.Authorizer(held)
    asked = authorization.Attributes(account, "delete", resource="pods", namespace="one", name="p")
    assert authorizer.decide(asked).allowed
    assert not authorizer.decide(asked._replace(cluster="other")).allowed


def test_damaged_objects_stop_nobody_else() -> None:
    held = world.bootstrapped()
    damaged = world.role("damaged", [None, {"verbs": None}])  # type: ignore[list-item]
    damaged["aggregationRule"] = {"clusterRoleSelectors": [None, {"matchExpressions": [{"operator": "Odd"}]}]}
    held.put(GROUP, "clusterroles", damaged)
    held.put(GROUP, "clusterroles", world.named("nulls", rules=None, aggregationRule=None))
    for index, subject in enumerate((None, {}, {"kind": "User", "name": "alice"})):
        made = world.binding(f"b{index}", "ClusterRole", "damaged", subject)  # type: ignore[arg-type]
        held.put(GROUP, "clusterrolebindings", made)
    held.put(GROUP, "clusterrolebindings", world.named("empty", roleRef=None, subjects=None))
    authorizer = authorization.Authorizer(held)
    assert not authorizer.decide(authorization.Attributes(world.ALICE, "get", resource="pods")).allowed
    scheduler = user.User("system:kube-scheduler")
    assert authorizer.decide(authorization.Attributes(scheduler, "get", resource="pods", name="p")).allowed
