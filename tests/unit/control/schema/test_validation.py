"""Checking bodies against their types: what fits, what is said of what does not, and pruning."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.schema import catalog, decoding, fitting, mismatches, types, validation
from bascule.vocabulary import errors

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d", "labels": {"a": "b"}, "creationTimestamp": None},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "c",
                        "resources": {"limits": {"cpu": 1, "memory": "1Gi"}},
                        "livenessProbe": {"httpGet": {"port": "http"}},
                    }
                ]
            }
        },
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
    },
}


def schema(kind: str = "Deployment", api_version: str = "apps/v1") -> types.TypeSchema:
    found = catalog.schema_of(api_version, kind)
    assert found is not None
    return found


def with_change(path: list[str | int], value: Any) -> dict[str, Any]:
    obj = copy.deepcopy(DEPLOYMENT)
    target: Any = obj
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return obj


def test_a_good_object_has_no_findings() -> None:
    said = with_change(["metadata"], {"name": "d", "labels": {"a": "b"}})
    assert validation.check(said, schema()) is validation.NOTHING


def test_a_member_that_says_nothing_is_no_problem_but_is_noticed() -> None:
    findings = validation.check(DEPLOYMENT, schema())
    assert findings == validation.NOTHING
    assert findings is not validation.NOTHING


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (
            ["spec", "replicas"],
            "3",
            "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (["spec", "replicas"], 1 << 31, "cannot unmarshal number 2147483648 into Go struct field"),
        (["spec", "replicas"], 1.5, "cannot unmarshal number 1.5 into"),
        (["spec", "replicas"], True, "cannot unmarshal bool into"),
        (["spec", "paused"], "yes", "of type bool"),
        (["spec"], [1], "cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec"),
        (["metadata", "labels", "a"], 1, "number into Go struct field ObjectMeta.metadata.labels of type string"),
        (["metadata", "labels"], "x", "of type map[string]string"),
        (["metadata", "creationTimestamp"], "yesterday", 'parsing time "yesterday"'),
        (["metadata", "creationTimestamp"], "2026-13-01T00:00:00Z", "parsing time"),
        (["spec", "template", "spec", "containers"], {}, "of type []v1.Container"),
        (
            ["spec", "template", "spec", "containers", 0, "name"],
            1,
            "Container.spec.template.spec.containers.name of type",
        ),
        (["spec", "template", "spec", "containers", 0, "resources", "limits", "cpu"], "much", "must match the regular"),
        (["spec", "strategy", "rollingUpdate", "maxSurge"], 1.5, "number 1.5 into Go struct field"),
        (["spec", "strategy", "rollingUpdate", "maxSurge"], {}, "rollingUpdate.maxSurge of type int32"),
        (
            ["metadata", "name"],
            1 << 40,
            "unmarshal number into Go struct field ObjectMeta.metadata.name of type string",
        ),
        (["metadata", "uid"], 1, "ObjectMeta.metadata.uid of type types.UID"),
        (["metadata", "creationTimestamp"], 1, "ObjectMeta.metadata.creationTimestamp of type string"),
        (["spec", "template", "spec", "containers", 0, "resources", "limits", "cpu"], {}, "must match the regular"),
        (["spec", "template", "spec", "containers", 0, "resources", "limits"], 1, "limits of type v1.ResourceList"),
        (
            ["spec", "template", "spec", "volumes"],
            [{"emptyDir": 1}],
            "Volume.spec.template.spec.volumes.VolumeSource.emptyDir of type v1.EmptyDirVolumeSource",
        ),
        (
            ["spec", "template", "spec", "containers", 0, "livenessProbe"],
            {"httpGet": {"path": 1}},
            "HTTPGetAction.spec.template.spec.containers.livenessProbe.ProbeHandler.httpGet.path of type string",
        ),
    ],
)
def test_type_errors_read_like_the_decoders_of_go(path: list[str | int], value: Any, problem: str) -> None:
    obj = with_change(path, value)
    findings = validation.check(obj, schema())
    assert len(findings.type_errors) == 1
    assert problem in findings.type_errors[0]
    for mode in ("Ignore", "Warn", "Strict"):
        with pytest.raises(errors.StatusError) as refusal:
            validation.enforce(findings, obj, mode)
        assert refusal.value.code == 400
        assert refusal.value.message.startswith('Deployment in version "v1" cannot be handled as a Deployment: ')


def test_strict_text_is_exact() -> None:
    obj = with_change(["spec", "x"], 1)
    obj["spec"]["template"]["spec"]["containers"][0]["imagee"] = "i"
    findings = validation.check(obj, schema(), duplicates=["spec.replicas"])
    with pytest.raises(errors.StatusError) as refusal:
        validation.enforce(findings, obj, "Strict")
    assert refusal.value.message.endswith(
        'strict decoding error: duplicate field "spec.replicas", '
        'unknown field "spec.template.spec.containers[0].imagee", unknown field "spec.x"'
    )


def test_modes() -> None:
    obj = with_change(["spec", "x"], 1)
    findings = validation.check(obj, schema())
    assert validation.enforce(findings, obj, "Ignore") == []
    assert validation.enforce(findings, obj, "Warn") == ['unknown field "spec.x"']


def test_what_yaml_repeats_is_told_as_its_reader_does() -> None:
    lines = ['line 6: key "b" already set in map', 'line 7: key "a" already set in map']
    obj = with_change(["spec", 'x"y'], 1)
    findings = validation.check(obj, schema(), duplicates=lines)
    assert validation.enforce(findings, obj, "Warn") == [*lines, r'unknown field "spec.x\"y"']
    with pytest.raises(errors.StatusError) as refusal:
        validation.enforce(findings, obj, "Strict")
    told = f"yaml: unmarshal errors:\n  {lines[0]}\n  {lines[1]}, " + r'unknown field "spec.x\"y"'
    assert refusal.value.message.endswith(f"strict decoding error: {told}")


def test_pruning_removes_only_what_is_unknown() -> None:
    assert validation.prune_unknown(DEPLOYMENT, schema()) is DEPLOYMENT
    obj = with_change(["spec", "template", "spec", "containers", 0, "bogus"], {"a": 1})
    obj["extra"] = 1
    assert validation.prune_unknown(obj, schema()) == DEPLOYMENT
    assert "extra" in obj


def test_binary_data_must_be_base64() -> None:
    secret = schema("Secret", "v1")
    assert validation.check({"data": {"a": "aGk=", "b": ""}}, secret) is validation.NOTHING
    assert validation.check({"data": {"a": "h!"}}, secret).type_errors == ("illegal base64 data at input byte 1",)


@pytest.mark.parametrize(
    ("text", "stop"),
    [("a", 0), ("!!!!", 0), ("YQ", 0), ("YQ=", 3), ("YQ==x", 4), ("YQ==YQ==", 4), ("====", 0), ("Y!==", 1),
     ("YWJjZ", 4), ("YWJjZA=a", 6), ("YWJjZGU=x", 8), ("YWJj\n!", 5), ("é", 0)],
)  # fmt: skip
def test_where_a_decoder_of_base64_gives_up(text: str, stop: int) -> None:
    assert mismatches.base64_stop(text) == stop


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yesterday", 'as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"'),
        ("2020-01-01", 'as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"'),
        ("2020-01-01 00:00:00Z", 'as "2006-01-02T15:04:05Z07:00": cannot parse " 00:00:00Z" as "T"'),
        ("2020-1-1T00:00:00Z", 'as "2006-01-02T15:04:05Z07:00": cannot parse "1-1T00:00:00Z" as "01"'),
        ("2020-01-01T00:00:00", 'as "2006-01-02T15:04:05Z07:00": cannot parse "" as "Z07:00"'),
        ("2020-01-01T00:00:00+0100", 'as "2006-01-02T15:04:05Z07:00": cannot parse "+0100" as "Z07:00"'),
        ("2020-13-01T00:00:00Z", ": month out of range"),
        ("2020-02-30T00:00:00Z", ": day out of range"),
        ("2020-01-01T25:00:00Z", ": hour out of range"),
        ("2020-01-01T00:60:00Z", ": minute out of range"),
        ("2020-01-01T00:00:61Z", ": second out of range"),
        ("2020-01-01T00:00:00+25:00", ": time zone offset hour out of range"),
        ("2020-01-01T00:00:00Zx", ': extra text: "x"'),
    ],
)
def test_an_unreadable_time_is_told_as_go_does(text: str, said: str) -> None:
    told = f'parsing time "{text}"{said}' if said.startswith(":") else f'parsing time "{text}" {said}'
    found = validation.check(with_change(["metadata", "creationTimestamp"], text), schema()).type_errors
    assert found == (told,)


def test_raw_values_are_taken_as_they_are() -> None:
    revision = schema("ControllerRevision", "apps/v1")
    obj = {"data": {"spec": {"anything": [1, {"b": None}]}}, "revision": 1}
    assert validation.check(obj, revision) is validation.NOTHING
    assert validation.prune_unknown(obj, revision) is obj


def test_no_value_makes_the_check_fail_otherwise() -> None:
    for value in (None, 1, "x", [], [1], {"spec": {"template": []}}, {"": {}}):
        validation.check(value, schema())  # type: ignore[arg-type]


def test_what_is_reported_is_bounded() -> None:
    obj = {**DEPLOYMENT, **{f"x{number}": 1 for number in range(1000)}, "spec": 1}
    findings = validation.check(obj, schema())
    assert len(findings.unknown_fields) == validation.PROBLEMS_MAX
    assert len(findings.type_errors) == 1


def test_what_is_wrong_is_told_in_the_documents_order():
    body = b'{"spec": {"odd": 1, "replicas": 2, "replicas": 3, "odder": {"x": 1, "x": 2}}}'
    schema = catalog.schema_of("apps/v1", "Deployment")
    twice, order = decoding.duplicates(body, decoding.JSON), decoding.paths(body, decoding.JSON)
    found = validation.check(json.loads(body), schema, duplicates=twice, order=order)
    assert found.strict_problems() == [
        'unknown field "spec.odd"',
        'duplicate field "spec.replicas"',
        'unknown field "spec.odder"',
        'duplicate field "spec.odder.x"',
    ]
    assert decoding.paths(body, decoding.YAML) == []


@pytest.mark.parametrize("twice", [1, 2])
@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("2026-01-02T03:04:05Z", True),
        ("2026-01-02T03:04:05.123456+02:00", True),
        ("2026-01-02T03:04:05." + "1" * 40 + "Z", True),
        ("2026-02-30T03:04:05Z", False),
        ("2026-01-02T03:04:05." + "1" * 40 + "!", False),
        (1, False),
        (None, True),
    ],
)
def test_a_moment_is_judged_alike_when_it_was_seen_before(twice: int, text: Any, fits: bool) -> None:
    found = validation.check({**DEPLOYMENT, "metadata": {"creationTimestamp": text}}, schema())
    assert (not found.type_errors) is fits


_VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [1, 1.0, -1, 2**31, 2**70, True, None, float("nan"), float("inf"), "", "1", "100m", [], {}]
)
_RESOURCES = st.fixed_dictionaries({}, optional={"limits": _VALUES | st.fixed_dictionaries({"cpu": _VALUES})})


@given(
    st.lists(
        st.fixed_dictionaries(
            {"containers": st.lists(st.fixed_dictionaries({"name": st.just("c")}, optional={"resources": _RESOURCES}))},
            optional={"priority": _VALUES, "hostNetwork": _VALUES, "other": _VALUES},
        ),
        max_size=3,
    )
)
def test_a_spec_that_fitted_lately_fits_as_any(specs: list[dict[str, Any]]) -> None:
    spec = schema("Pod", "v1").fields["spec"]
    assert spec.definition == types.POD_SPEC
    for each in [*specs, *specs]:
        assert fitting.fits(spec)(each) is fitting._struct_fits(spec)(each)
