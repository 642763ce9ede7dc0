"""Expressions of policies against the types they match."""

import pytest

from bascule.control.controllers import policy_types
from bascule.vocabulary import objects


def policy(expression: str, plural: str = "pods", group: str = "", version: str = "v1", **spec) -> objects.Object:
    rule = {"apiGroups": [group], "apiVersions": [version], "resources": [plural]}
    match = {"resourceRules": [rule]}
    return {
        "metadata": {"name": "p", "generation": 3},
        "spec": {"matchConstraints": match, "validations": [{"expression": expression}], **spec},
    }


SCHEMA = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
DEFINITION = {
    "spec": {
        "group": "example.com",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [{"name": "v1", "schema": {"openAPIV3Schema": SCHEMA}}],
    }
}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (policy("object.spec.hostNetwork == true"), ""),
        (policy("object.spec.containers.all(c, c.image.startsWith('a'))"), ""),
        (policy("object.metadata.labels.app == 'a' && oldObject.metadata.name == 'b'"), ""),
        (policy("object.spec.containers.all(c, c.image > 1)"), "applied to '(string, int)'"),
        (policy("object.spec.nothing == 1"), "v1, Kind=Pod: ERROR: <input>:1:12: undefined field 'nothing'"),
        (policy("object.spec.nothing == 1", plural="*"), ""),
        (policy("object.spec.nothing == 1", plural="unknowns"), ""),
        (policy("object.spec.size > 1", "widgets", "example.com"), ""),
        (policy("object.spec.size > 'a'", "widgets", "example.com"), "example.com/v1, Kind=Widget: ERROR: "),
        (policy("object.spec.size > 'a'", "widgets", "example.com", "v2"), ""),
        (
            policy(
                "variables.names[0] + 1 == 2",
                variables=[{"name": "names", "expression": "object.spec.containers.map(c, c.name)"}],
            ),
            "applied to '(string, int)'",
        ),
    ],
)
def test_what_is_said_of_expressions(given, said):
    status = policy_types.status_of(given, [DEFINITION])
    assert status["observedGeneration"] == 3
    found = status["typeChecking"].get("expressionWarnings", [])
    assert len(found) == bool(said)
    assert not said or said in found[0]["warning"]
