"""ConversionReview: what a conversion webhook is asked, and what of its answer is believed. Pure.

A webhook converts everything but the object's identity: of metadata only labels and annotations may come back changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bascule.control.kinds import metadata, shape
from bascule.vocabulary import errors, objects

API = "apiextensions.k8s.io"
KIND = "ConversionReview"
_IDENTITY = (("kind", "kind"), ("name", "name"), ("namespace", "namespace"), ("uid", "UID"))


class Refused(Exception):
    """The answer cannot be used; the text says why, as upstream words it."""


def question(versions: Sequence[str], converted: Sequence[objects.Object], desired: str, uid: str) -> objects.Object:
    """The review to send, in the first of the webhook's versions that exists. Raises Refused when there is none."""
    for version in versions:
        if version in ("v1", "v1beta1"):
            request = {"uid": uid, "desiredAPIVersion": desired, "objects": list(converted)}
            return {"kind": KIND, "apiVersion": f"{API}/{version}", "request": request}
    raise Refused("no supported conversion review versions")


def answers(
    asked: objects.Object, answer: Any, originals: Sequence[objects.Object], desired: str
) -> list[objects.Object]:
    """The converted objects, in the order of the originals. Raises Refused; `originals` stay as they are."""
    first = originals[0]
    group, _, version = first["apiVersion"].partition("/")
    subject = f"conversion webhook for {group}/{version}, Kind={first['kind']}"
    try:
        converted = _objects(asked, answer)
    except Refused as error:
        raise Refused(f"{subject} failed: {error}") from error
    if len(converted) != len(originals):
        raise Refused(f"{subject} returned {len(converted)} objects, expected {len(originals)}")
    for index, (original, one) in enumerate(zip(originals, converted, strict=True)):
        _check(subject, index, original, one, desired)
    return converted


def _objects(asked: objects.Object, answer: Any) -> list[Any]:
    if type(answer) is not dict:
        raise Refused("the answer is no ConversionReview")
    strict = asked["apiVersion"].endswith("/v1")
    if strict and (answer.get("apiVersion"), answer.get("kind")) != (asked["apiVersion"], KIND):
        found = f"{answer.get('apiVersion') or ''}, Kind={answer.get('kind') or ''}"
        raise Refused(f"expected webhook response of {API}/v1, Kind={KIND}, got {found}")
    response = answer.get("response")
    if type(response) is not dict:
        raise Refused("no response provided")
    if strict and response.get("uid") != asked["request"]["uid"]:
        expected, found = asked["request"]["uid"], shape.text(response, "uid")
        raise Refused(f'expected response.uid="{expected}", got "{found}"')
    result = shape.mapping(response, "result")
    if result.get("status") != "Success":
        text = shape.text(result, "message")
        raise Refused(text or f"response.result.status was '{shape.text(result, 'status')}', not 'Success'")
    return shape.sequence(response, "convertedObjects")


def _check(subject: str, index: int, original: objects.Object, converted: Any, desired: str) -> None:
    """Refuses what is another object, and gives it back the metadata that is not the webhook's to change."""
    invalid = f"{subject} returned invalid converted object at index {index}"
    if type(converted) is not dict:
        raise Refused(f"{invalid}: no object")
    if converted.get("apiVersion") != desired:
        found = shape.text(converted, "apiVersion")
        raise Refused(f"{invalid}: invalid groupVersion (expected {desired}, received {found})")
    if converted.get("kind") != original["kind"]:
        found = shape.text(converted, "kind")
        raise Refused(f"{invalid}: invalid kind (expected {original['kind']}, received {found})")
    before, after = shape.mapping(original, "metadata"), converted.get("metadata")
    if type(after) is not dict:
        raise Refused(f"{subject} returned invalid metadata in object at index {index}: missing metadata")
    for field, label in _IDENTITY[1:]:
        if (before.get(field) or "") != (after.get(field) or ""):
            expected, found = before.get(field) or "", after.get(field) or ""
            raise Refused(f"{invalid}: must have the same {label}: {expected} != {found}")
    try:
        converted["metadata"] = _metadata(before, after)
    except Refused as error:
        raise Refused(f"{subject} returned invalid metadata in object at index {index}: {error}") from error


def _metadata(before: objects.Object, after: objects.Object) -> objects.Object:
    restored: objects.Object = objects.deep_copy(before)
    for field in ("labels", "annotations"):
        given = after.get(field)
        if given is None:
            restored.pop(field, None)
            continue
        if type(given) is not dict:
            raise Refused(f"invalid metadata.{field} of type {type(given).__name__} in converted object")
        for key, value in given.items():
            if type(value) is not str:
                raise Refused(f"metadata.{field}[{key}] must be a string, but is {type(value).__name__}")
        if given != before.get(field):
            _refuse(field, given)
        restored[field] = given
    return restored


def _refuse(field: str, given: dict[str, str]) -> None:
    rule = metadata.label_problems if field == "labels" else metadata.annotation_problems
    found: list[errors.Cause] = list(rule(f"metadata.{field}", given))
    if found:
        raise Refused("; ".join(f"{cause.field}: {cause.message}" for cause in found))
