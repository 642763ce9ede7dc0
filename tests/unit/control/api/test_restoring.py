"""A strategic patch that makes nonsense is refused in upstream's words."""

import pytest

from bascule.control.api.verbs import restoring
from bascule.control.patch import printed
from tests.unit.control.api import harness

PODS = "/api/v1/namespaces/default/pods"


@pytest.mark.parametrize(
    ("patch", "shown", "said"),
    [
        ({"metadata": {"labels": "invalid"}}, "map[metadata:map[labels:invalid]]", "cannot restore map from string"),
        ({"spec": {"tolerations": "x"}}, "map[spec:map[tolerations:x]]", "cannot restore slice from string"),
        (
            {"spec": {"securityContext": True}},
            "map[spec:map[securityContext:true]]",
            "cannot restore struct from: bool",
        ),
        ({"spec": {"nodeName": 5}}, "map[spec:map[nodeName:5]]", "cannot convert int64 to string"),
        ({"spec": {"priority": "high"}}, "map[spec:map[priority:high]]", "unrecognized type: int32"),
    ],
)
async def test_the_patch_is_shown_and_the_reason_said(
    api: harness.Api, patch: harness.Object, shown: str, said: str
) -> None:
    await api.create(PODS, harness.pod("p"))
    answer = await api.patch(f"{PODS}/p", patch, "strategic")
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["message"] == f' "" is invalid: patch: Invalid value: "{shown}": {said}'


def test_values_are_shown_as_go_prints_them() -> None:
    assert printed.shown({"b": [1, None, "x"], "a": False}) == "map[a:false b:[1 <nil> x]]"
    assert restoring.words("something else") == "something else"
