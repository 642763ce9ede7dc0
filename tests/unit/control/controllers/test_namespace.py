from datetime import timedelta

from bascule.control.controllers import namespace, root_ca, service_account
from bascule.vocabulary import builtins, conditions, timestamps
from tests.unit.control.controllers import make


def space(*, leaving=False, finalizers=("kubernetes",)) -> dict:
    metadata = {"name": "n", "uid": "u"}
    if leaving:
        metadata["deletionTimestamp"] = make.LONG_AGO
    return {"metadata": metadata, "spec": {"finalizers": list(finalizers)}, "status": {"phase": "Active"}}


def test_only_a_deleted_namespace_that_we_still_hold_is_emptied():
    assert namespace.needs_emptying(space(leaving=True))
    assert not namespace.needs_emptying(space())
    assert not namespace.needs_emptying(space(leaving=True, finalizers=["other"]))
    assert not namespace.needs_emptying(None)


def test_content_is_left_to_others_for_a_while():
    now = timestamps.parse(make.LONG_AGO)
    assert namespace.grace_seconds(space(leaving=True), now) == namespace.GRACE_SECONDS
    assert namespace.grace_seconds(space(leaving=True), now + timedelta(seconds=2)) == namespace.GRACE_SECONDS - 2
    assert namespace.grace_seconds(space(leaving=True), now + timedelta(hours=1)) == 0
    assert namespace.grace_seconds(space(leaving=True), now - timedelta(hours=1)) == namespace.GRACE_SECONDS


def test_what_is_in_every_namespace_is_waited_for_by_nobody():
    assert namespace.is_own(builtins.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}})
    assert namespace.is_own(builtins.CONFIG_MAPS, {"metadata": {"name": "kube-root-ca.crt"}})
    assert namespace.is_own(builtins.EVENTS, {"metadata": {"name": "any"}})
    assert not namespace.is_own(builtins.CONFIG_MAPS, {"metadata": {"name": "default"}})


def test_conditions_say_what_is_left():
    found = namespace.Emptying({"pods": 2}, {"example.org/hold": 1}, ["widgets.x: no"], [])
    status = namespace.decide_status(space(leaving=True), found, make.NOW)
    assert status["phase"] == "Terminating"
    said = {one["type"]: (one["status"], one["message"]) for one in status["conditions"]}
    assert said["NamespaceContentRemaining"] == (
        "True",
        "Some resources are remaining: pods. has 2 resource instances",
    )
    assert said["NamespaceFinalizersRemaining"][1].endswith("example.org/hold in 1 resource instances")
    assert said["NamespaceDeletionContentFailure"][0] == "True"
    assert said["NamespaceDeletionDiscoveryFailure"] == ("False", "All resources successfully discovered")
    assert not found.empty


def test_an_undiscovered_group_blocks_the_end():
    assert namespace.Emptying().empty
    assert not namespace.Emptying(undiscovered=["metrics.k8s.io/v1: down"]).empty


def test_the_end_takes_only_our_finalizer():
    ended = namespace.finished(space(leaving=True, finalizers=["kubernetes", "other"]))
    assert ended["spec"]["finalizers"] == ["other"]


def test_conditions_are_stable():
    subject = space(leaving=True)
    subject["status"] = namespace.decide_status(subject, namespace.Emptying({"pods": 1}), make.NOW)
    again = namespace.decide_status(subject, namespace.Emptying({"pods": 1}), make.NOW.replace(hour=13))
    assert again == subject["status"]
    assert conditions.find(again["conditions"], "NamespaceContentRemaining")["reason"] == "SomeResourcesRemain"


def test_account_and_root_ca_are_made_and_mended_while_the_namespace_lives():
    assert service_account.decide(space(), None)
    assert not service_account.decide(space(leaving=True), None)
    assert not service_account.decide(None, None)
    made = root_ca.decide(space(), None, "PEM")
    assert made["data"] == {"ca.crt": "PEM"}
    assert root_ca.decide(space(), made, "PEM") is None
    assert root_ca.decide(space(), {**made, "data": {"ca.crt": "forged"}}, "PEM")["data"] == {"ca.crt": "PEM"}
    assert root_ca.decide(space(leaving=True), None, "PEM") is None
