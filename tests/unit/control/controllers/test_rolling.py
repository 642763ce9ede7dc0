import hypothesis
import pytest
from hypothesis import strategies as st

from bascule.control.controllers import rolling
from tests.unit.control.controllers import deployment_world

AMOUNTS = st.one_of(st.integers(0, 12), st.integers(0, 100).map(lambda share: f"{share}%"))


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (10, "25%", "25%", (10, 3, 2)),
        (3, "25%", "25%", (3, 1, 0)),
        (1, 0, 0, (1, 0, 1)),
        (4, 0, "10%", (4, 0, 1)),
        (2, 1, 5, (2, 1, 2)),
        (0, "25%", "25%", (0, 0, 0)),
    ],
)
def test_bounds(replicas, surge, unavailable, expected):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    found = rolling.bounds(deployment_world.deployment(replicas, strategy=strategy))
    assert found == rolling.Bounds(*expected)


@pytest.mark.parametrize(
    ("sizes", "before", "limits", "expected"),
    [
        # Upstream's example: 10 replicas with surge 3 during a rollout, scaled to 15.
        ((5, 8), 13, rolling.Bounds(15, 3, 2), {"new": 7, "old": 11}),
        ((5, 5), 10, rolling.Bounds(20, 0, 0), {"new": 10, "old": 10}),
        ((5, 5), 10, rolling.Bounds(0, 0, 0), {"new": 0, "old": 0}),
        ((4, 6), 10, rolling.Bounds(5, 0, 0), {"new": 2, "old": 3}),
    ],
)
def test_scaling_in_the_middle_of_a_rollout_is_proportional(sizes, before, limits, expected):
    new = rolling.Set("new", sizes[0], age=1, max_replicas=before, desired=limits.wanted)
    old = rolling.Set("old", sizes[1], age=2, max_replicas=before)
    assert rolling.rescale(new, [old], limits) == expected


@hypothesis.given(
    live=st.lists(st.integers(1, 30), min_size=2, max_size=5),
    wanted=st.integers(0, 60),
    surge=st.integers(0, 10),
    noted=st.integers(0, 80),
)
def test_proportional_scaling_uses_exactly_the_allowed_size(live, wanted, surge, noted):
    sets = [rolling.Set(str(index), size, age=index, max_replicas=noted) for index, size in enumerate(live)]
    limits = rolling.Bounds(wanted, surge, 1)
    sizes = rolling.rescale(sets[0], sets[1:], limits)
    after = rolling.sized(sets, sizes)
    assert all(one.replicas >= 0 for one in after)
    total = sum(one.replicas for one in after)
    assert total == (limits.most if wanted else 0) or total == sum(live)


@hypothesis.given(data=st.data())
@hypothesis.settings(max_examples=150, deadline=None)
def test_a_rollout_keeps_its_bounds_at_every_moment_and_ends(data):
    replicas = data.draw(st.integers(1, 12))
    rolling_update = {"maxSurge": data.draw(AMOUNTS), "maxUnavailable": data.draw(AMOUNTS)}
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling_update}
    world = deployment_world.World(deployment_world.deployment(replicas, strategy=strategy))
    world.settle()
    limits = rolling.bounds(world.deployment)
    world.broken = data.draw(st.sampled_from([frozenset(), frozenset({"v2"})]))
    for image in ("v2", "v3"):
        world.set_image(image)
        for _ in range(data.draw(st.integers(0, 40))):
            name = data.draw(st.sampled_from(sorted(world.sets)))
            action = data.draw(st.sampled_from(["control", "obey", "ripen", "report"]))
            match action:
                case "control":
                    world.control()
                case "obey":
                    world.obey(name)
                case "ripen":
                    world.ripen(name, 1)
                case "report":
                    world.report(name)
            assert world.asked_for <= limits.most
            assert world.available >= limits.wanted - limits.unavailable
    world.settle()
    assert world.live() == {"v3": replicas}
    assert world.available == replicas
