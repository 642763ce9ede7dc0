"""Rules of ResourceSlices: where their devices are, and what each says of itself."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Final

from bascule.control.kinds import check, device_claims, identifiers, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_DEVICES_MAX, _SPECIAL_DEVICES_MAX = 128, 64
_PROPERTIES_MAX, _VALUE_LENGTH_MAX, _COUNTER_SETS_MAX, _COUNTERS_MAX = 32, 64, 8, 32
_PLACES: Final = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
_DEVICE_PLACES: Final = _PLACES[:3]
_ONE_PLACE: Final = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
_ONE_DEVICE_PLACE: Final = (
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to "
    "true in the ResourceSlice spec"
)
_VALUES: Final = ("bool", "int", "string", "version")
_NUMBER: Final = r"(0|[1-9]\d*)"
_LETTERED: Final = r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_SEMANTIC_VERSION: Final = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_LETTERED}(\.{_LETTERED})*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?"
)


def problems(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from identifiers.driver("spec.driver", spec.get("driver"))
    pool = shape.mapping(spec, "pool")
    yield from device_claims.pool_name("spec.pool.name", shape.text(pool, "name"))
    slices, generation = shape.count(pool, "resourceSliceCount"), shape.count(pool, "generation")
    if slices <= 0:
        yield errors.invalid_value("spec.pool.resourceSliceCount", slices, "must be greater than zero")
    if generation < 0:
        yield errors.invalid_value("spec.pool.generation", generation, "must be greater than or equal to zero")
    places = yield from _places("spec", spec, _PLACES, "must be either unset or set to a non-empty string")
    if not places:
        yield errors.required("spec", _ONE_PLACE)
    elif len(places) > 1:
        shown = ", ".join(f"`{place}`" for place in places)
        yield errors.invalid_value("spec", f"{{{shown}}}", f"{_ONE_PLACE}, but multiple fields are set")
    devices, counters = spec.get("devices"), spec.get("sharedCounters")
    if devices is not None and counters is not None:
        yield errors.invalid_value("spec", "", "only one of `sharedCounters` or `devices` is allowed")
    listed = shape.items(spec, "devices")
    special = any(device.get("taints") or device.get("consumesCounters") for device in listed)
    each = spec.get("perDeviceNodeSelection") is True

    def device(at: str, one: Object) -> Causes:
        yield from _device(at, one, each=each)

    most = _SPECIAL_DEVICES_MAX if special else _DEVICES_MAX
    yield from device_claims.distinct("spec.devices", listed, most, device, device_claims.name_of)
    sets = shape.items(spec, "sharedCounters")
    yield from device_claims.distinct("spec.sharedCounters", sets, _COUNTER_SETS_MAX, _counters, device_claims.name_of)


def _places(path: str, holder: Object, keys: tuple[str, ...], empty: str) -> Generator[errors.Cause, None, list[str]]:
    """Yields what is wrong with single places; returns those that are given."""
    found = []
    for key in keys:
        value = holder.get(key)
        if value is None:
            continue
        if key == "nodeName":
            if value:
                yield from identifiers.subdomain(f"{path}.nodeName", value)
            else:
                yield errors.invalid_value(f"{path}.nodeName", value, empty)
                continue
        elif key != "nodeSelector" and value is not True:
            yield errors.invalid_value(f"{path}.{key}", value, "must be either unset or set to true")
            continue
        found.append(key)
        terms = shape.items(shape.mapping(holder, "nodeSelector"), "nodeSelectorTerms")
        if key == "nodeSelector" and keys is _PLACES and len(terms) != 1:
            text = "must have exactly one node selector term"
            yield errors.invalid_value(f"{path}.nodeSelector.nodeSelectorTerms", terms, text)
    return found


def _device(path: str, device: Object, *, each: bool) -> Causes:
    name = device.get("name")
    if not name:
        yield errors.required(f"{path}.name", "")
    else:
        yield from identifiers.label(f"{path}.name", name)
    attributes, capacity = shape.mapping(device, "attributes"), shape.mapping(device, "capacity")
    total = len(attributes) + len(capacity)
    if total > _PROPERTIES_MAX:
        yield errors.invalid_value(
            path, total, f"the total number of attributes and capacities must not exceed {_PROPERTIES_MAX}"
        )
    for key in attributes:
        at = f"{path}.attributes[{key}]"
        yield from device_claims.attribute_name(at, key, qualified=False)
        yield from _attribute(at, shape.mapping(attributes, key))
    for key in capacity:
        at = f"{path}.capacity[{key}]"
        yield from device_claims.attribute_name(at, key, qualified=False)
        amount = shape.mapping(capacity, key)
        yield from check.quantity_value(f"{at}.value", amount.get("value"))
        if amount.get("requestPolicy") is not None and device.get("allowMultipleAllocations") is not True:
            yield errors.forbidden_field(f"{at}.requestPolicy", "allowMultipleAllocations must be true")
    if each:
        places = yield from _places(path, device, _DEVICE_PLACES, "must not be empty")
        if not places:
            yield errors.required(path, _ONE_DEVICE_PLACE)
        elif len(places) > 1:
            shown = ", ".join(f"`{place}`" for place in places)
            yield errors.invalid_value(path, f"{{{shown}}}", _ONE_DEVICE_PLACE)
    elif any(device.get(key) is not None for key in _DEVICE_PLACES):
        yield errors.invalid_field(
            path,
            "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in "
            "the ResourceSlice spec",
        )


def _attribute(path: str, attribute: Object) -> Causes:
    given = [key for key in _VALUES if attribute.get(key) is not None]
    for key in given:
        value = attribute[key]
        if key == "version" and type(value) is str and not _SEMANTIC_VERSION.fullmatch(value):
            text = "must be a string compatible with semver.org spec 2.0.0"
            yield errors.invalid_value(f"{path}.version", value, text)
        if type(value) is str and len(value) > _VALUE_LENGTH_MAX:
            yield errors.too_long(f"{path}.{key}", _VALUE_LENGTH_MAX)
    if len(given) != 1:
        yield errors.invalid_value(path, attribute if given else "", "exactly one value must be specified")


def _counters(path: str, counters: Object) -> Causes:
    name, values = counters.get("name"), shape.mapping(counters, "counters")
    if not name:
        yield errors.required(f"{path}.name", "")
    else:
        yield from identifiers.label(f"{path}.name", name)
    if not values:
        yield errors.required(f"{path}.counters", "")
    elif len(values) > _COUNTERS_MAX:
        yield errors.too_many(f"{path}.counters", len(values), _COUNTERS_MAX)
    for key in values:
        yield from identifiers.label(f"{path}.counters[{key}]", key)
