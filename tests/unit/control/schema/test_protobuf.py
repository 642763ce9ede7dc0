"""Protobuf bodies: what client-go sends comes out as the JSON it means; malformed bytes are refused."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.schema import catalog, decoding, protobuf, protobuf_table, validation
from bascule.vocabulary import builtins, errors

_SPEC = importlib.util.spec_from_file_location("proto_encoder", f"{__file__.rpartition('/')[0]}/proto_encoder.py")
assert _SPEC is not None
assert _SPEC.loader is not None
proto_encoder: Any = sys.modules.setdefault("proto_encoder", importlib.util.module_from_spec(_SPEC))
_SPEC.loader.exec_module(proto_encoder)

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "p",
        "labels": {"a": "b", "empty": ""},
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": "u", "controller": True}],
        "managedFields": [{"manager": "m", "fieldsV1": {"f:spec": {}}}],
    },
    "spec": {
        "containers": [
            {
                "name": "c",
                "image": "i",
                "args": ["-x", ""],
                "ports": [{"containerPort": 80}],
                "env": [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": False}}}],
                "resources": {"limits": {"cpu": "100m"}},
                "livenessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 3},
                "readinessProbe": {"tcpSocket": {"port": 80}},
                "securityContext": {"runAsUser": 0},
            }
        ],
        "volumes": [{"name": "v", "emptyDir": {}}],
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"supplementalGroups": [1, 2]},
    },
    "status": {},
}
OBJECTS: list[dict[str, Any]] = [
    POD,
    {"apiVersion": "v1", "kind": "Secret", "metadata": {}, "data": {"k": "AAE="}, "type": "Opaque"},
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {}, "spec": {"containers": [{"name": "c"}]}},
            "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
        },
        "status": {},
    },
    {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}, "deleteOptions": {"dryRun": ["All"]}},
    {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "propagationPolicy": "Orphan"},
    {"apiVersion": "meta.k8s.io/v1", "kind": "PatchOptions", "force": True, "fieldManager": "m"},
    {"apiVersion": "v1", "kind": "Binding", "metadata": {}, "target": {"kind": "Node", "name": "n"}},
    {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {},
        "spec": {"replicas": 3},
        "status": {"replicas": 0},
    },
    {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "metadata": {},
        "spec": {"audiences": ["a"], "expirationSeconds": 600},
        "status": {"token": "", "expirationTimestamp": "2026-01-01T00:00:00Z"},
    },
    {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {},
        "spec": {"renewTime": "2026-01-01T00:00:00.123456Z", "leaseDurationSeconds": 40},
    },
    {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {},
        "spec": {
            "group": "g",
            "names": {"plural": "xs", "kind": "X"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": False,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "default": {"a": [1, None]},
                            "additionalProperties": {"type": "string"},
                            "properties": {
                                "p": {"items": {"type": "string"}, "enum": ["x", 1]},
                                "q": {"additionalProperties": False, "minimum": 0.0},
                            },
                        }
                    },
                }
            ],
        },
        "status": {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": None},
    },
]


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None or k == "default"}
    return value


def is_within(expected: Any, found: Any) -> bool:
    """Go writes plain structs even when they are empty: those may be found although nobody set them."""
    if isinstance(expected, dict) and isinstance(found, dict):
        extra = all(is_zero(found[name]) for name in found.keys() - expected.keys())
        return extra and all(name in found and is_within(expected[name], found[name]) for name in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(is_within, expected, found))
    return bool(expected == found)


def is_zero(value: Any) -> bool:
    return all(map(is_zero, value.values())) if isinstance(value, dict) else not value or value == "0"


@pytest.mark.parametrize("obj", OBJECTS, ids=lambda obj: str(obj["kind"]))
def test_round_trip(obj: dict[str, Any]) -> None:
    decoded = decoding.decode(proto_encoder.body(obj), decoding.PROTOBUF)
    assert is_within(without_nulls(obj), decoded), decoded
    schema = catalog.schema_of(obj["apiVersion"], obj["kind"])
    if schema is not None:
        assert validation.check(decoded, schema) is validation.NOTHING


# What kubectl 1.32 really sent for `create namespace nx` and `create deployment foo --image=nginx`.
SENT_NAMESPACE = (
    b'k8s\x00\n\x0f\n\x02v1\x12\tNamespace\x12\x1a\n\x12\n\x02nx\x12\x00\x1a\x00"\x00*\x002\x008\x00B\x00'
    b'\x12\x00\x1a\x02\n\x00\x1a\x00"\x00'
)
SENT_DEPLOYMENT = (
    b'k8s\x00\n\x15\n\x07apps/v1\x12\nDeployment\x12\xab\x01\n\x1f\n\x03foo\x12\x00\x1a\x00"\x00*\x002\x008\x00B\x00'
    b'Z\n\n\x03app\x12\x03foo\x12z\x08\x01\x12\x0c\n\n\n\x03app\x12\x03foo\x1a`\n\x1c\n\x00\x12\x00\x1a\x00"\x00*\x002\x00'
    b'8\x00B\x00Z\n\n\x03app\x12\x03foo\x12@\x12"\n\x05nginx\x12\x05nginx*\x00B\x00j\x00r\x00\x80\x01\x00\x88\x01\x00'
    b"\x90\x01\x00\xa2\x01\x00\x1a\x002\x00B\x00J\x00R\x00X\x00`\x00h\x00\x82\x01\x00\x8a\x01\x00\x9a\x01\x00\xc2\x01\x00"
    b'"\x02\n\x00(\x008\x00\x1a\x0c\x08\x00\x10\x00\x18\x00 \x00(\x008\x00\x1a\x00"\x00'
)


def test_bodies_that_kubectl_sent() -> None:
    assert decoding.decode(SENT_NAMESPACE, "application/vnd.kubernetes.protobuf") == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "nx"},
        "spec": {},
        "status": {},
    }
    labels = {"app": "foo"}
    assert decoding.decode(SENT_DEPLOYMENT, "application/vnd.kubernetes.protobuf") == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "foo", "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "nginx", "image": "nginx", "resources": {}}]},
            },
            "strategy": {},
        },
        "status": {},
    }


def test_zeros_of_pointers_are_kept_and_of_plain_values_not() -> None:
    decoded = decoding.decode(proto_encoder.body(POD), decoding.PROTOBUF)
    assert decoded["spec"]["terminationGracePeriodSeconds"] == 0
    assert "hostname" not in decoded["spec"]
    container = decoded["spec"]["containers"][0]
    assert container["env"][0]["valueFrom"]["secretKeyRef"] == {"name": "s", "key": "k", "optional": False}
    assert container["livenessProbe"] == {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 3}
    assert container["args"] == ["-x", ""]


def test_every_stable_kind_has_a_message() -> None:
    missing = [
        (row.api_version, row.kind)
        for row in builtins.REGISTRY
        if protobuf.message_of(row.api_version, row.kind) not in protobuf.table()
    ]
    assert missing == []


def test_the_endpoint_says_what_an_unnamed_body_is() -> None:
    raw = proto_encoder.message({"gracePeriodSeconds": 5}, protobuf.message_of("v1", "DeleteOptions"))
    body = protobuf.MAGIC + proto_encoder.length(2, raw)
    decoded = decoding.decode(body, decoding.PROTOBUF, default=("v1", "DeleteOptions"))
    assert decoded == {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 5}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"k8s\x00",
        b"k8s\x00\xff",
        b"k8s\x00\x0a\xff\xff\xff\xff\x0f",
        b"k8s\x00" + b"\x80" * 20,
        b"k8s\x00\x0a\x00\x12\x00",
        proto_encoder.body(POD)[:-40],
        proto_encoder.body({**POD, "kind": "Pod"}).replace(b"Pod", b"Odd", 1),
    ],
)
def test_malformed_bodies_are_bad_requests(body: bytes) -> None:
    with pytest.raises(errors.StatusError) as refusal:
        decoding.decode(body, decoding.PROTOBUF)
    assert refusal.value.code == 400


def test_nesting_is_bounded() -> None:
    name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
    raw = b""
    for _ in range(2000):
        raw = proto_encoder.length(28, raw)
    with pytest.raises(protobuf.Malformed, match="nested"):
        protobuf._message(raw, protobuf.table()[name], protobuf.DEPTH_MAX)


@given(junk=st.binary(max_size=200), at=st.integers(0, 400))
def test_junk_never_escapes_as_anything_but_a_status(junk: bytes, at: int) -> None:
    whole = proto_encoder.body(POD)
    for body in (protobuf.MAGIC + junk, whole[:at] + junk + whole[at + len(junk) :]):
        try:
            code = 200 if decoding.decode(body, decoding.PROTOBUF, default=("v1", "Pod")) else 0
        except errors.StatusError as refusal:
            code = refusal.code
        assert code in (200, 400)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0s"), (1_500_000_000, "1.5s"), (60_000_000_000, "1m0s"), (5_400_000_000_000, "1h30m0s"), (250_000, "250µs")],
)
def test_durations_read_as_go_writes_them(nanoseconds: int, text: str) -> None:
    assert protobuf._duration(nanoseconds) == text


def test_the_table_is_made_from_stable_packages_only() -> None:
    table = protobuf_table.build(
        {
            "k8s.io.api.apps.v1": {
                "D": {
                    "~inline": ["metav1.TypeMeta"],
                    "r": [1, "*int32", "omitempty"],
                    "l": [2, "[]E", ""],
                    "e": [3, "K", ""],
                },
                "E": {"q": [1, "resource.Quantity", ""]},
                "K": "string",
            },
            "k8s.io.api.apps.v1beta1": {"D": {}},
        }
    )
    assert table == {
        "io.k8s.api.apps.v1.D": {
            "1": ["r", "i", "po"],
            "2": ["l", "[mio.k8s.api.apps.v1.E", ""],
            "3": ["e", "s", ""],
        },
        "io.k8s.api.apps.v1.E": {"1": ["q", "q", ""]},
    }
