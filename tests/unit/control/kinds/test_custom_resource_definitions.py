"""CustomResourceDefinitions: what is filled in, remembered and refused."""

from __future__ import annotations

import base64
import copy
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from bascule.control.kinds import custom_resource_definitions
from bascule.control.kinds.strategy import Context

CONTEXT = Context(datetime(2026, 1, 2, tzinfo=UTC), random.Random(7))
STRATEGY = custom_resource_definitions.STRATEGY
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {"color": {"type": "string"}, "size": {"type": "number"}, "replicas": {"type": "integer"}},
        },
        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
    },
}


def version(name: str = "v1", *, storage: bool = True, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": copy.deepcopy(SCHEMA)},
        **more,
    }


def definition(*versions: dict[str, Any], **spec: Any) -> dict[str, Any]:
    obj = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "foos", "kind": "Foo"},
            "versions": list(versions) or [version()],
            **spec,
        },
    }
    STRATEGY.default(obj)
    STRATEGY.prepare_create(obj, CONTEXT)
    return obj


def texts(causes: Any) -> list[str]:
    return [f"{cause.field}: {cause.message}" for cause in causes]


def refused(*versions: dict[str, Any], **spec: Any) -> list[str]:
    return texts(STRATEGY.validate(definition(*versions, **spec)))


def update(change: Callable[[dict[str, Any]], Any], *, established: bool = False) -> list[str]:
    old = definition()
    if established:
        old["status"]["conditions"] = [{"type": "Established", "status": "True"}]
    new = copy.deepcopy(old)
    change(new)
    STRATEGY.default(new)
    STRATEGY.prepare_update(new, old, CONTEXT)
    return texts(STRATEGY.validate_update(new, old))


def test_what_is_filled_in() -> None:
    obj = definition()
    assert obj["spec"]["names"] == {"plural": "foos", "kind": "Foo", "singular": "foo", "listKind": "FooList"}
    assert obj["spec"]["conversion"] == {"strategy": "None"}
    assert obj["status"]["storedVersions"] == ["v1"]
    assert obj["metadata"]["generation"] == 1
    assert refused() == []


def test_what_is_no_keyword_is_dropped() -> None:
    schema = {"type": "object", "x": 1, "properties": {"x": {"type": "array", "items": {"type": "string", "const": 5}}}}
    made = definition(version(schema={"openAPIV3Schema": schema}))["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert made == {"type": "object", "properties": {"x": {"type": "array", "items": {"type": "string"}}}}


def test_a_new_storage_version_is_remembered() -> None:
    old = definition()
    new = copy.deepcopy(old)
    new["spec"]["versions"][0]["storage"] = False
    new["spec"]["versions"].append(version("v2"))
    STRATEGY.prepare_update(new, old, CONTEXT)
    assert new["status"]["storedVersions"] == ["v1", "v2"]
    assert new["metadata"]["generation"] == 2
    assert texts(STRATEGY.validate_update(new, old)) == []
    del new["spec"]["versions"][0]
    assert texts(STRATEGY.validate_update(new, old)) == [
        'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage '
        "version, and must remain in spec.versions until a storage migration ensures no data remains persisted in "
        "v1 and removes v1 from status.storedVersions"
    ]


LABEL = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"scope": "Everywhere"},
        ['spec.scope: Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced"'],
    ),
    ({"scope": ""}, ["spec.scope: Required value"]),
    (
        {"names": {"plural": "foos", "kind": "Foo", "listKind": "Foo"}},
        ['spec.names.listKind: Invalid value: "Foo": kind and listKind may not be the same'],
    ),
    (
        {"names": {"plural": "foos", "kind": "Foo", "shortNames": ["F"], "categories": ["all"]}},
        [f'spec.names.shortNames[0]: Invalid value: "F": {LABEL}'],
    ),
    (
        {"names": {"plural": "foos", "kind": "Foo_"}},
        [
            f'spec.names.singular: Invalid value: "foo_": {LABEL}',
            f'spec.names.kind: Invalid value: "Foo_": may have mixed case, but should otherwise match: {LABEL}',
            f'spec.names.listKind: Invalid value: "Foo_List": may have mixed case, but should otherwise match: {LABEL}',
        ],
    ),
    (
        {"preserveUnknownFields": True},
        [
            "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set "
            "x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        ],
    ),
    (
        {"conversion": {"strategy": "Webhook"}},
        [
            "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook",
            "spec.conversion.conversionReviewVersions: Required value",
        ],
    ),
    (
        {
            "conversion": {
                "strategy": "None",
                "webhook": {"clientConfig": {"url": "https://a"}, "conversionReviewVersions": ["v1"]},
            }
        },
        [
            "spec.conversion.webhookClientConfig: Forbidden: should not be set when strategy is not set to Webhook",
            "spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to "
            "Webhook",
        ],
    ),
    (
        {
            "conversion": {
                "strategy": "Webhook",
                "webhook": {"clientConfig": {"url": "http://u@a/?q#f"}, "conversionReviewVersions": ["v7", "v7"]},
            }
        },
        [
            'spec.conversion.webhookClientConfig.url: Invalid value: "http": '
            "'https' is the only allowed URL scheme; desired format: https://host[/path]",
            'spec.conversion.webhookClientConfig.url: Invalid value: "u": user information is not permitted in the URL',
            'spec.conversion.webhookClientConfig.url: Invalid value: "f": fragments are not permitted in the URL',
            'spec.conversion.webhookClientConfig.url: Invalid value: "q": '
            "query parameters are not permitted in the URL",
            'spec.conversion.conversionReviewVersions[1]: Invalid value: "v7": duplicate version',
            'spec.conversion.conversionReviewVersions: Invalid value: ["v7","v7"]: must include at least one of v1, '
            "v1beta1",
        ],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), REFUSED)
def test_refused(spec: dict[str, Any], expected: list[str]) -> None:
    assert refused(**spec) == expected


def test_a_name_says_group_and_plural() -> None:
    assert refused(group="other.example.com") == [
        'metadata.name: Invalid value: "foos.example.com": must be spec.names.plural+"."+spec.group'
    ]


def test_groups_of_the_community_need_its_approval() -> None:
    obj = definition(group="foo.k8s.io")
    obj["metadata"]["name"] = "foos.foo.k8s.io"
    field = "metadata.annotations[api-approved.kubernetes.io]"
    need = 'protected groups must have approval annotation "api-approved.kubernetes.io"'
    more = "see https://github.com/kubernetes/enhancements/pull/1111"
    assert texts(STRATEGY.validate(obj)) == [f"{field}: Required value: {need}, {more}"]
    obj["metadata"]["annotations"] = {"api-approved.kubernetes.io": "who knows"}
    assert texts(STRATEGY.validate(obj)) == [
        f'{field}: Invalid value: "who knows": {need} with either a URL or a reason starting with "unapproved", {more}'
    ]
    for good in ("https://example.com/1111", "unapproved, an experiment"):
        obj["metadata"]["annotations"] = {"api-approved.kubernetes.io": good}
        assert texts(STRATEGY.validate(obj)) == []


class TestVersions:
    def test_one_stores(self) -> None:
        found = refused(version(storage=False), version("v2", storage=False))
        assert found[0].endswith(": must have exactly one version marked as storage version")
        assert found[0].startswith("spec.versions: Invalid value: [")

    def test_names_differ(self) -> None:
        assert [text.rpartition(": ")[2] for text in refused(version(), version(storage=False))] == [
            "must contain unique version names"
        ]

    def test_schemas_are_required(self) -> None:
        assert refused(version(), version("v2", storage=False, schema={})) == [
            "spec.versions[1].schema.openAPIV3Schema: Required value: schemas are required"
        ]

    def test_what_all_have_in_common_is_reported_above_them(self) -> None:
        bad = {"openAPIV3Schema": {"type": "object", "properties": {"a": {}}}}
        text = "properties[a].type: Required value: must not be empty for specified object fields"
        assert refused(version(schema=bad)) == [f"spec.validation.openAPIV3Schema.{text}"]
        both = version(schema=bad), version("v2", storage=False, schema=bad)
        assert refused(*both) == [f"spec.validation.openAPIV3Schema.{text}"]
        assert refused(version(), version("v2", storage=False, schema=bad)) == [
            f"spec.versions[1].schema.openAPIV3Schema.{text}"
        ]

    def test_deprecation(self) -> None:
        path = "spec.versions[0].deprecationWarning: Invalid value: "
        assert refused(version(deprecationWarning="x")) == [f'{path}"x": can only be set for deprecated versions']
        assert refused(version(deprecated=True, deprecationWarning="")) == [f'{path}"": must not be an empty string']
        assert refused(version(deprecated=True, deprecationWarning="fine words")) == []
        assert "non-printable" in refused(version(deprecated=True, deprecationWarning="a\tb"))[0]

    def test_scale(self) -> None:
        scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
        assert refused(version(subresources={"scale": scale})) == []
        assert refused(version(subresources={"scale": {"specReplicasPath": "spec.x", "labelSelectorPath": ".x"}})) == [
            'spec.subresources.scale.specReplicasPath: Invalid value: "spec.x": must be a simple json path '
            "starting with .",
            "spec.subresources.scale.statusReplicasPath: Required value",
            'spec.subresources.scale.labelSelectorPath: Invalid value: ".x": should be a json path under either '
            ".spec or .status",
        ]

    def test_columns(self) -> None:
        columns = [{"type": "text", "format": "f", "jsonPath": "x"}, {"name": "a"}]
        path = "spec.additionalPrinterColumns"
        kinds = "must be one of boolean,date,integer,number,string"
        assert refused(version(additionalPrinterColumns=columns)) == [
            f"{path}[0].name: Required value",
            f'{path}[0].type: Invalid value: "text": {kinds}',
            f'{path}[0].format: Invalid value: "f": must be one of '
            "byte,date,date-time,double,float,int32,int64,password",
            f'{path}[0].JSONPath: Invalid value: "x": must be a simple json path starting with .',
            f"{path}[1].type: Required value: {kinds}",
            f"{path}[1].JSONPath: Required value",
        ]

    def test_selectable_fields(self) -> None:
        paths = [".spec.color", ".spec.none", ".spec.size", ".metadata.name", ".spec.color", "", ".spec[0]", "spec"]
        path = "spec.selectableFields"
        found = refused(version(selectableFields=[{"jsonPath": text} for text in paths]))
        only = (
            "must point to a field of type string, boolean or integer. "
            "Enum string fields and strings with formats are allowed."
        )
        assert found == [
            f'{path}[1].jsonPath: Invalid value: ".spec.none": is an invalid path: does not refer to a valid field',
            f'{path}[2].jsonPath: Invalid value: ".spec.size": {only}',
            f'{path}[3].jsonPath: Invalid value: ".metadata.name": is an invalid path: does not refer to a valid field',
            f'{path}[4].jsonPath: Duplicate value: ".spec.color"',
            f"{path}[5].jsonPath: Required value",
            f'{path}[6].jsonPath: Invalid value: ".spec[0]": is an invalid path: array notation is not allowed',
            f'{path}[7].jsonPath: Invalid value: "spec": is an invalid path: expected [ or . but got: spec',
        ]

    def test_the_root_beside_a_status(self) -> None:
        schema = {"openAPIV3Schema": {**SCHEMA, "minProperties": 1}}
        found = refused(version(subresources={"status": {}}, schema=schema))
        assert len(found) == 1
        assert found[0].startswith("spec.validation.openAPIV3Schema: Invalid value: {")
        assert "only [Description Type Format " in found[0]

    def test_rules_are_checked(self) -> None:
        schema = {"openAPIV3Schema": {**SCHEMA, "x-kubernetes-validations": [{"rule": "self.nothing == 1"}]}}
        found = refused(version(schema=schema))
        assert len(found) == 1
        assert found[0].startswith("spec.validation.openAPIV3Schema.x-kubernetes-validations[0].rule: Invalid value")
        assert "undefined field 'nothing'" in found[0]


class TestUpdate:
    def test_names_stay_once_established(self) -> None:
        def rename(obj: dict[str, Any]) -> None:
            obj["spec"]["names"]["kind"] = "Bar"

        assert update(rename) == []
        assert update(rename, established=True) == ['spec.names.kind: Invalid value: "Bar": field is immutable']

    def test_group_and_plural_never_change(self) -> None:
        found = update(lambda obj: obj["spec"].update(group="other.com"))
        assert found == ['spec.group: Invalid value: "other.com": field is immutable']

    def test_a_schema_that_did_not_change_is_not_looked_at(self) -> None:
        old = definition(version(schema={"openAPIV3Schema": {"type": "object", "properties": {"a": {}}}}))
        new = copy.deepcopy(old)
        new["metadata"]["labels"] = {"a": "b"}
        assert texts(STRATEGY.validate_update(new, old)) == []
        new["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["b"] = {"type": "string"}
        assert texts(STRATEGY.validate_update(new, old)) != []

    def test_an_invalid_bundle_is_refused_once_established(self) -> None:
        def convert(obj: dict[str, Any]) -> None:
            client = {"url": "https://a", "caBundle": base64.b64encode(b"no certificate").decode()}
            webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
            obj["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}

        assert update(convert) == []
        (found,) = update(convert, established=True)
        assert found.startswith("spec.conversion.webhookClientConfig.caBundle: Invalid value: ")


def test_unknown_formats_are_told() -> None:
    schema = copy.deepcopy(SCHEMA)
    schema["properties"]["spec"]["properties"]["color"]["format"] = "shade"
    assert STRATEGY.warnings(definition(version(schema={"openAPIV3Schema": schema}))) == ['unrecognized format "shade"']


def test_formats_are_known_by_type_and_updates_warn_of_new_ones_alone() -> None:
    def spoken(**properties: Any) -> dict[str, Any]:
        return definition(version(schema={"openAPIV3Schema": {"type": "object", "properties": properties}}))

    known = {"a": {"type": "integer", "format": "int64"}, "b": {"type": "number", "format": "double"}}
    assert STRATEGY.warnings(spoken(**known)) == []
    odd = {"type": "integer", "format": "double"}
    assert STRATEGY.warnings(spoken(**known, c=odd)) == ['unrecognized format "double"']
    assert STRATEGY.update_warnings is not None
    more = spoken(c=odd, d={"type": "string", "format": "shade"})
    assert STRATEGY.update_warnings(more, spoken(c=odd)) == ['unrecognized format "shade"']
