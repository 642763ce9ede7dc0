"""Pods in depth: what is refused, changed only through a door, or said with a warning."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from bascule.control import kinds
from bascule.control.kinds.pod import doors
from bascule.control.kinds.strategy import Context

Object = dict[str, Any]
STRATEGY = kinds.strategy_for("", "pods")
CONTEXT = Context(datetime(2026, 1, 2, tzinfo=UTC), random.Random(7))


def pod(annotations: Object | None = None, container: Object | None = None, **spec: Any) -> Object:
    own = {"name": "c", "image": "nginx:1", **(container or {})}
    made: Object = {
        "metadata": {"name": "p", "namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": [own], **spec},
    }
    if annotations:
        made["metadata"]["annotations"] = annotations
    STRATEGY.default(made)
    STRATEGY.prepare_create(made, CONTEXT)
    return made


def refusals(made: Object) -> list[str]:
    assert STRATEGY.validate_create is not None
    return [f"{cause.field}: {cause.message}" for cause in STRATEGY.validate_create(made)]


def changed(old: Object, change: Callable[[Object], Any]) -> list[str]:
    new = copy.deepcopy(old)
    change(new["spec"])
    STRATEGY.default(new)
    return [f"{cause.field}: {cause.message}" for cause in STRATEGY.validate_update(new, old)]


SPECS: list[tuple[Object, list[str]]] = [
    (
        {"securityContext": {"seccompProfile": {"type": "Localhost"}, "fsGroup": -1}},
        [
            "spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive",
            "spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is "
            "Localhost",
        ],
    ),
    (
        {"securityContext": {"sysctls": [{"name": "net.a"}, {"name": "net.a"}]}, "hostNetwork": True},
        [
            "spec.securityContext.sysctls[0].name: Invalid value: \"net.a\": may not be specified when 'hostNetwork' "
            "is true",
            'spec.securityContext.sysctls[1].name: Duplicate value: "net.a"',
            "spec.securityContext.sysctls[1].name: Invalid value: \"net.a\": may not be specified when 'hostNetwork' "
            "is true",
        ],
    ),
    (
        {"securityContext": {"supplementalGroupsPolicy": "Some", "fsGroupChangePolicy": "Never"}},
        [
            'spec.securityContext.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", '
            '"OnRootMismatch"',
            'spec.securityContext.supplementalGroupsPolicy: Unsupported value: "Some": supported values: "Merge", '
            '"Strict"',
        ],
    ),
    (
        {"os": {"name": "windows"}, "hostPID": True, "securityContext": {"runAsUser": 1}},
        [
            "spec.hostPID: Forbidden: cannot be set for a windows pod",
            "spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod",
        ],
    ),
    (
        {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1", "a", "1.1.1.2", "1.1.1.3"]}},
        [
            'spec.dnsConfig.nameservers: Invalid value: ["1.1.1.1","a","1.1.1.2","1.1.1.3"]: must not have more than 3 '
            "nameservers",
            'spec.dnsConfig.nameservers[1]: Invalid value: "a": must be a valid IP address, (e.g. 10.9.8.7 or '
            "2001:db8::ffff)",
        ],
    ),
    ({"dnsPolicy": "None"}, ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"]),
    (
        {"hostUsers": False, "hostNetwork": True},
        ["spec.hostNetwork: Forbidden: when `pod.Spec.HostUsers` is false"],
    ),
    (
        {"resourceClaims": [{"name": "a"}]},
        [
            'spec.resourceClaims[0]: Invalid value: {"name":"a"}: must specify one of: `resourceClaimName`, '
            "`resourceClaimTemplateName`"
        ],
    ),
    (
        {"resources": {"requests": {"cpu": "50m"}}, "container": {"resources": {"requests": {"cpu": "100m"}}}},
        [
            'spec.resources.requests[cpu]: Invalid value: "50m": must be greater than or equal to aggregate container '
            "requests of 100m"
        ],
    ),
    (
        {"schedulingGates": [{"name": "a"}], "nodeName": "n"},
        ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
    ),
    (
        {"ephemeralContainers": [{"name": "d", "image": "i"}]},
        ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
    ),
    (
        {"container": {"restartPolicyRules": [{"action": "Stop"}]}},
        [
            "spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used",
            'spec.containers[0].restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart", '
            '"RestartAllContainers"',
            "spec.containers[0].restartPolicyRules[0].exitCodes: Required value: must be specified",
        ],
    ),
    (
        {"container": {"resources": {"requests": {"gpu": "1"}}}},
        [
            'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource type or '
            "fully qualified",
            'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for '
            "containers",
        ],
    ),
    (
        {"container": {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.unknown"}}}]}},
        [
            'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.unknown": error converting '
            "fieldPath: field label not supported: spec.unknown"
        ],
    ),
    (
        {"container": {"lifecycle": {"preStop": {"sleep": {"seconds": 31}}}}},
        [
            "spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than "
            "terminationGracePeriodSeconds (30)"
        ],
    ),
    (
        {"volumes": [{"name": "v", "nfs": {"server": "s", "path": "/a"}, "emptyDir": {}}]},
        ["spec.volumes[0].nfs: Forbidden: may not specify more than 1 volume type"],
    ),
    (
        {"volumes": [{"name": "a", "emptyDir": {}}, {"name": "a", "emptyDir": {}}]},
        ['spec.volumes[1].name: Duplicate value: "a"'],
    ),
    (
        {
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "matchLabelKeys": ["app"]}
            ]
        },
        [
            "spec.topologySpreadConstraints[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is "
            "not set"
        ],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), SPECS)
def test_refused(spec: Object, expected: list[str]) -> None:
    assert refusals(pod(**spec)) == expected


def test_annotations_and_fields_agree_when_a_pod_is_created() -> None:
    key = "container.apparmor.security.beta.kubernetes.io/c"
    made = pod({key: "unconfined"})
    assert made["spec"]["containers"][0]["securityContext"]["appArmorProfile"] == {"type": "Unconfined"}
    made = pod(container={"securityContext": {"appArmorProfile": {"type": "RuntimeDefault"}}})
    assert made["metadata"]["annotations"] == {key: "runtime/default"}
    made = pod({key: "unconfined"}, {"securityContext": {"appArmorProfile": {"type": "RuntimeDefault"}}})
    assert refusals(made) == [
        "spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type in annotation and field "
        "must match"
    ]


def test_a_gated_pod_says_why_it_waits_and_may_be_told_more_exactly_where_to_go() -> None:
    old = pod(schedulingGates=[{"name": "a"}], nodeSelector={"x": "1"})
    assert old["status"]["conditions"][0]["reason"] == "SchedulingGated"
    assert changed(old, lambda spec: spec["nodeSelector"].update(y="2")) == []
    assert changed(old, lambda spec: spec["nodeSelector"].update(x="2")) == [
        'spec.nodeSelector: Invalid value: {"x":"2"}: only additions to spec.nodeSelector are allowed (no mutations or '
        "deletions)"
    ]
    assert changed(old, lambda spec: spec["schedulingGates"].append({"name": "b"})) == [
        "spec.schedulingGates[1].name: Forbidden: only deletion is allowed, but found new scheduling gate 'b'"
    ]


def test_a_change_that_is_refused_is_shown() -> None:
    (message,) = changed(pod(), lambda spec: spec.update(hostname="h"))
    assert message.startswith(
        "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`"
    )
    assert '\n+ \tHostname: "h",\n' in message
    assert "identical fields" in message


def test_labels_of_the_pod_become_part_of_its_spread() -> None:
    constraint = {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {},
        "matchLabelKeys": ["app", "absent"],
    }
    made = pod(topologySpreadConstraints=[constraint])
    (found,) = made["spec"]["topologySpreadConstraints"]
    added = [{"key": "app", "operator": "In", "values": ["web"]}]
    assert found["labelSelector"]["matchExpressions"] == added
    assert refusals(made) == []


def test_whole_pods_ask_for_what_their_containers_do() -> None:
    resources = {"limits": {"cpu": "2", "memory": "1Gi"}}
    made = pod(container={"resources": {"requests": {"cpu": "500m"}}}, resources=resources)
    assert made["spec"]["resources"]["requests"] == {"cpu": "500m", "memory": "1Gi"}


def test_what_has_ended_stays_ended_unless_it_may_run_again() -> None:
    old = pod(restartPolicy="Never")
    old["status"]["containerStatuses"] = [{"name": "c", "state": {"terminated": {"exitCode": 3}}}]
    new = copy.deepcopy(old)
    new["status"]["containerStatuses"][0]["state"] = {"running": {}}
    messages = [f"{cause.field}: {cause.message}" for cause in STRATEGY.validate_status(new, old)]
    expected = "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"
    assert messages == [expected]
    rule = {"action": "Restart", "exitCodes": {"operator": "In", "values": [3]}}
    for obj in (old, new):
        obj["spec"]["containers"][0] |= {"restartPolicy": "Never", "restartPolicyRules": [rule]}
    assert STRATEGY.validate_status(new, old) == []


def test_a_status_that_says_nothing_of_the_class_keeps_it() -> None:
    old = pod()
    old["status"]["observedGeneration"] = 4
    new = copy.deepcopy(old)
    new["status"] = {"phase": "Running"}
    STRATEGY.prepare_status(new, old, CONTEXT)
    assert new["status"] == {"phase": "Running", "qosClass": "BestEffort", "observedGeneration": 4}


def test_resizing() -> None:
    old = pod(container={"resources": {"requests": {"cpu": "1"}}})
    new = copy.deepcopy(old)
    wanted = copy.deepcopy(old)
    wanted["spec"]["containers"][0] |= {"image": "other", "resources": {"requests": {"cpu": "2"}}}
    doors.take_resize(new, wanted)
    assert new["spec"]["containers"][0]["image"] == "nginx:1"
    assert list(doors.resize_problems(new, old)) == []
    new["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1"}}
    assert list(doors.resize_problems(new, old)) == []
    new["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1", "a.example/b": "1"}}
    messages = [cause.message for cause in doors.resize_problems(new, old)]
    assert messages == ["Forbidden: only cpu and memory resources are mutable"]


def test_warnings() -> None:
    container = {
        "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
        "ports": [{"containerPort": 80}, {"containerPort": 80, "name": "b"}],
        "resources": {"limits": {"memory": "1500m"}},
    }
    made = pod(
        container=container,
        nodeSelector={"beta.kubernetes.io/os": "linux"},
        imagePullSecrets=[{"name": "s"}, {"name": "s"}],
        volumes=[{"name": "g", "gitRepo": {"repository": "r"}}],
        terminationGracePeriodSeconds=-1,
    )
    made["metadata"]["name"] = "a.b"
    label, *rest = STRATEGY.warnings(made)
    assert label.startswith(
        "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior;"
    )
    fractional = 'fractional byte value "1500m" is invalid, must be an integer'
    assert rest == [
        'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
        "spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
        'spec.imagePullSecrets[1].name: duplicate name "s"',
        f"spec.containers[0].resources.limits[memory]: {fractional}",
        f"spec.containers[0].resources.requests[memory]: {fractional}",
        'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
        "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
        "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
    ]
    assert STRATEGY.warnings(pod()) == []
