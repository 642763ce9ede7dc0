import pytest

from bascule.control.controllers import deployment as deployments
from bascule.control.controllers import progress, revisions
from bascule.vocabulary import conditions, objects
from tests.unit.control.controllers import deployment_world
from tests.unit.control.controllers.deployment_world import NOW, World


def condition(world: World, kind: str) -> tuple[str, str]:
    found = conditions.find(world.deployment["status"]["conditions"], kind)
    return (found["status"], found["reason"]) if found else ("", "")


def revision_of(world: World, image: str) -> tuple[str, str]:
    for one in world.sets.values():
        if one["spec"]["template"]["spec"]["containers"][0]["image"] == image:
            notes = objects.annotations(one)
            return notes[revisions.REVISION], notes.get(revisions.HISTORY, "")
    raise AssertionError(image)


def test_a_first_rollout_becomes_available_and_complete():
    world = World(deployment_world.deployment(3))
    world.control()
    assert condition(world, "Progressing") == ("True", "NewReplicaSetCreated")
    assert condition(world, "Available") == ("False", "MinimumReplicasUnavailable")
    world.settle()
    assert condition(world, "Progressing") == ("True", "NewReplicaSetAvailable")
    assert condition(world, "Available") == ("True", "MinimumReplicasAvailable")
    assert progress.complete(world.deployment, world.deployment["status"])


def test_undo_finds_the_old_set_again_and_gives_it_a_new_revision():
    world = World(deployment_world.deployment(3))
    world.settle()
    world.set_image("v2")
    world.settle()
    assert (revision_of(world, "v1"), revision_of(world, "v2")) == (("1", ""), ("2", ""))
    world.set_image("v1")
    world.settle()
    assert world.live() == {"v1": 3}
    assert len(world.sets) == 2
    assert revision_of(world, "v1") == ("3", "1")


def test_the_template_is_recognised_despite_nulls_and_the_hash_label():
    subject = deployment_world.deployment()
    made = revisions.new_set(subject, [], 1)
    subject["spec"]["template"]["metadata"]["creationTimestamp"] = None
    subject["spec"]["template"]["spec"]["nodeName"] = None
    assert revisions.find_new(subject, [made]) is made
    assert made["spec"]["selector"]["matchLabels"].items() <= objects.labels(made).items()
    assert made["spec"]["template"]["metadata"]["labels"]["app"] == "web"


def test_the_hash_is_stable_and_moves_with_collisions():
    template = revisions.template_of(deployment_world.deployment())
    assert revisions.template_hash(template, 0) == "hf6hzv7775"
    assert revisions.template_hash(template, 1) != revisions.template_hash(template, 0)


def test_recreate_waits_for_the_last_old_pod():
    world = World(deployment_world.deployment(2, strategy={"type": "Recreate"}))
    world.settle()
    world.set_image("v2")
    world.control()
    assert world.live() == {}
    world.control()
    assert len(world.sets) == 1, "old pods are still there"
    world.settle()
    assert world.live() == {"v2": 2}


def test_paused_neither_rolls_nor_forgets_to_scale():
    world = World(deployment_world.deployment(3))
    world.settle()
    world.deployment["spec"]["paused"] = True
    world.set_image("v2")
    world.deployment["spec"]["replicas"] = 5
    world.settle()
    assert world.live() == {"v1": 5}
    assert condition(world, "Progressing") == ("Unknown", "DeploymentPaused")
    world.deployment["spec"]["paused"] = False
    world.settle()
    assert world.live() == {"v2": 5}
    assert condition(world, "Progressing") == ("True", "NewReplicaSetAvailable")


def test_history_is_kept_to_its_limit():
    world = World(deployment_world.deployment(1, revisionHistoryLimit=2))
    for number in range(6):
        world.set_image(f"v{number}")
        world.settle()
    images = {one["spec"]["template"]["spec"]["containers"][0]["image"] for one in world.sets.values()}
    assert images == {"v5", "v4", "v3"}


def test_a_rollout_that_stands_still_exceeds_its_deadline():
    world = World(deployment_world.deployment(3), broken=frozenset({"v1"}))
    world.settle()
    new, old = world.new_and_old()
    wait = progress.check_in_seconds(world.deployment, NOW)
    assert wait is not None
    later = NOW.replace(minute=11)
    status = progress.status_of(world.deployment, new, old, later)
    found = conditions.find(status["conditions"], "Progressing")
    assert (found["status"], found["reason"]) == ("False", "ProgressDeadlineExceeded")


def test_a_failing_set_shows_in_the_deployment():
    world = World(deployment_world.deployment(3))
    world.control()
    new, old = world.new_and_old()
    failed = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
    new["status"]["conditions"] = [failed]
    status = progress.status_of(world.deployment, new, old, NOW)
    found = conditions.find(status["conditions"], "ReplicaFailure")
    assert (found["reason"], found["message"]) == ("FailedCreate", "exceeded quota")


@pytest.mark.parametrize("left", [True, False])
def test_a_deployment_that_is_going_does_nothing(left):
    subject = deployment_world.deployment()
    subject["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert deployments.decide(subject, None, [], old_pods_left=left, now=NOW) == deployments.Step()
