"""What Envoy is told: deterministic, complete, and accepted by Envoy itself."""

from __future__ import annotations

from pathlib import Path

import orjson
from hypothesis import given
from hypothesis import strategies as st

from bascule.data.network.plan import Backend, Frontend, Plan, Target
from bascule.data.proxy import render
from tests import goldens

DIRECTORY = Path("/run/node/proxy")


def rendered(plan: Plan, *, below: int = 1024) -> dict[str, object]:
    files = render.files(plan, directory=DIRECTORY, any_address="127.0.0.1", privileged_below=below).files
    return {name: orjson.loads(content)["resources"] for name, content in files.items()}


def target(*backends: Backend, sticky_seconds: int = 0, port: int = 8080) -> Target:
    return Target((Frontend("127.96.0.5", "tcp", port), Frontend("", "tcp", 30080)), backends, sticky_seconds)


def test_every_frontend_listens_and_every_backend_is_an_endpoint() -> None:
    files = rendered(Plan({"root/d/web:80": target(Backend("127.128.0.1", 80), Backend("127.128.0.2", 80))}))
    assert [listener["name"] for listener in files["listeners.json"]] == [  # type: ignore[index, attr-defined]
        "tcp:127.96.0.5:8080",
        "tcp:127.0.0.1:30080",
    ]
    (assignment,) = files[render.endpoints_file("root/d/web:80")]  # type: ignore[misc]
    assert len(assignment["endpoints"][0]["lb_endpoints"]) == 2


def test_a_changed_endpoint_touches_neither_listeners_nor_clusters() -> None:
    one = render.files(
        Plan({"a": target(Backend("127.128.0.1", 80))}),
        directory=DIRECTORY,
        any_address="127.0.0.1",
        privileged_below=1,
    )
    two = render.files(
        Plan({"a": target(Backend("127.128.0.2", 80))}),
        directory=DIRECTORY,
        any_address="127.0.0.1",
        privileged_below=1,
    )
    assert [name for name in one.files if one.files[name] != two.files[name]] == [render.endpoints_file("a")]


def test_a_port_that_may_not_be_bound_is_named_and_left_out() -> None:
    made = render.files(
        Plan({"a": target(port=80)}), directory=DIRECTORY, any_address="127.0.0.1", privileged_below=1024
    )
    assert "port 80 needs privileges" in made.problems[0]
    assert b"127.96.0.5" not in made.files[render.LISTENERS]


@given(st.sets(st.integers(1, 250), max_size=6), st.booleans())
def test_equal_plans_give_equal_bytes(numbers: set[int], sticky: bool) -> None:
    backends = [Backend(f"127.128.0.{n}", 80) for n in sorted(numbers)]
    same = {"a": target(*backends, sticky_seconds=60 * sticky), "b": target(port=9000)}
    forwards, backwards = Plan(same), Plan(dict(reversed(same.items())))
    options = {"directory": DIRECTORY, "any_address": "127.0.0.1", "privileged_below": 1}
    assert render.files(forwards, **options) == render.files(backwards, **options)  # type: ignore[arg-type]


def test_what_envoy_reads_is_as_written_down() -> None:
    plan = Plan({"root/d/web:80": target(Backend("127.128.0.1", 80)), "root/d/gone:9000": target(port=9000)})
    files = render.files(plan, directory=DIRECTORY, any_address="127.0.0.1", privileged_below=1).files
    files["bootstrap.json"] = render.bootstrap(DIRECTORY, "n1")
    pretty = {name: orjson.loads(content) for name, content in sorted(files.items())}
    golden = Path(__file__).with_name("goldens") / "envoy.json"
    goldens.check(golden, orjson.dumps(pretty, option=orjson.OPT_INDENT_2).decode() + "\n")
