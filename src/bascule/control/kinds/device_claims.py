"""Rules of what a claim asks for (requests, constraints, configurations) and of what its status may say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from bascule.control.kinds import condition_rules, identifiers, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import scheduling
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_REQUESTS_MAX = _SELECTORS_MAX = _CONFIGS_MAX = _RESULTS_MAX = 32
_ALTERNATIVES_MAX, _RESERVED_MAX, _CONDITIONS_MAX = 8, 256, 8
_EXPRESSION_LENGTH_MAX = _PARAMETERS_LENGTH_MAX = 10 * 1024
_POOL_LENGTH_MAX: Final = 253
_NETWORK: Final = (("interfaceName", 256), ("hardwareAddress", 128))
_NOT_A_REQUEST: Final = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)
_EXACTLY: Final = "exactly one of `exactly` or `firstAvailable` is required"
_NO_DEVICE: Final = "must be an allocated device in the claim"
Rule = Callable[[str, Any], Causes]


def default(devices: Object) -> None:
    for request in shape.items(devices, "requests"):
        exact = request.get("exactly")
        for demand in [*([exact] if type(exact) is dict else []), *shape.items(request, "firstAvailable")]:
            shape.fill_zero(demand, "allocationMode", "ExactCount")
            if demand["allocationMode"] == "ExactCount":
                shape.fill_zero(demand, "count", 1)


def bounded(path: str, values: list[Any], limit: int, rule: Rule) -> Causes:
    if len(values) > limit:
        yield errors.too_many(path, len(values), limit)
        return
    for index, value in enumerate(values):
        yield from rule(f"{path}[{index}]", value)


def distinct(path: str, values: list[Any], limit: int, rule: Rule, key: Callable[[Any], Any]) -> Causes:
    """A list that is bounded, and no two of which have the same key."""
    yield from bounded(path, values, limit, rule)
    if len(values) <= limit:
        seen = []
        for index, value in enumerate(values):
            if key(value) in seen:
                yield errors.duplicate(f"{path}[{index}]", key(value))
            seen.append(key(value))


def name_of(entry: Object) -> str:
    return shape.text(entry, "name")


def _request_name(path: str, name: object) -> Causes:
    if not name:
        yield errors.required(path, "")
    else:
        yield from identifiers.label(path, name)


def pool_name(path: str, name: str) -> Causes:
    if not name:
        yield errors.required(path, "")
        return
    if len(name) > _POOL_LENGTH_MAX:
        yield errors.too_long(path, _POOL_LENGTH_MAX)
    for part in name.split("/"):
        yield from identifiers.subdomain(path, part)


def _names(devices: Object) -> set[str]:
    """Every name that a constraint or a result may refer to."""
    found = set()
    for request in shape.items(devices, "requests"):
        found.add(name_of(request))
        found |= {f"{name_of(request)}/{name_of(one)}" for one in shape.items(request, "firstAvailable")}
    return found


def problems(path: str, devices: Object) -> Causes:
    known = _names(devices)
    requests = shape.items(devices, "requests")
    yield from distinct(f"{path}.requests", requests, _REQUESTS_MAX, _request, name_of)

    def constraint(at: str, entry: Object) -> Causes:
        yield from _references(at, entry, known)
        attributes = [key for key in ("matchAttribute", "distinctAttribute") if entry.get(key) is not None]
        for key in attributes[:1]:
            yield from attribute_name(f"{at}.{key}", shape.text(entry, key), qualified=True)
        if not attributes:
            text = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
            yield errors.required(at, text)

    def configuration(at: str, entry: Object) -> Causes:
        yield from _references(at, entry, known)
        yield from configuration_problems(at, entry)

    yield from bounded(f"{path}.constraints", shape.items(devices, "constraints"), _CONFIGS_MAX, constraint)
    yield from bounded(f"{path}.config", shape.items(devices, "config"), _CONFIGS_MAX, configuration)


def _references(path: str, entry: Object, known: set[str]) -> Causes:
    def reference(at: str, name: str) -> Causes:
        yield from _reference(at, name, known)

    yield from distinct(f"{path}.requests", shape.texts(entry, "requests"), _REQUESTS_MAX, reference, str)


def _reference(path: str, name: str, known: set[str]) -> Causes:
    parts = name.split("/")
    if len(parts) <= 2:
        for part in parts:
            yield from _request_name(path, part)
    if name not in known:
        yield errors.invalid_value(path, name, _NOT_A_REQUEST)


def _request(path: str, request: Object) -> Causes:
    yield from _request_name(f"{path}.name", request.get("name"))
    exact, alternatives = request.get("exactly"), shape.items(request, "firstAvailable")
    if type(exact) is dict and alternatives:
        yield errors.invalid_field(path, f"{_EXACTLY}, but multiple fields are set")
    elif type(exact) is dict:
        yield from _demand(f"{path}.exactly", exact)
    elif alternatives:
        at = f"{path}.firstAvailable"
        yield from distinct(at, alternatives, _ALTERNATIVES_MAX, _alternative, name_of)
    else:
        yield errors.required(path, _EXACTLY)


def _alternative(path: str, demand: Object) -> Causes:
    yield from _request_name(f"{path}.name", demand.get("name"))
    yield from _demand(path, demand)


def _demand(path: str, demand: Object) -> Causes:
    name = demand.get("deviceClassName")
    if not name:
        yield errors.required(f"{path}.deviceClassName", "")
    else:
        yield from identifiers.subdomain(f"{path}.deviceClassName", name)
    yield from selector_problems(f"{path}.selectors", shape.items(demand, "selectors"))
    mode, count = shape.text(demand, "allocationMode"), shape.count(demand, "count")
    if mode == "All":
        if count != 0:
            yield errors.invalid_value(f"{path}.count", count, "must not be specified when allocationMode is 'All'")
    elif mode != "ExactCount":
        yield errors.not_supported(f"{path}.allocationMode", mode, ("All", "ExactCount"))
    elif count <= 0:
        yield errors.invalid_value(f"{path}.count", count, "must be greater than zero")
    for index, toleration in enumerate(shape.items(demand, "tolerations")):
        yield from scheduling.toleration_problems(f"{path}.tolerations[{index}]", toleration)


def selector_problems(path: str, selectors: list[Object]) -> Causes:
    yield from bounded(path, selectors, _SELECTORS_MAX, _selector)


def _selector(path: str, selector: Object) -> Causes:
    cel = selector.get("cel")
    if type(cel) is not dict:
        yield errors.required(f"{path}.cel", "")
    elif len(shape.text(cel, "expression")) > _EXPRESSION_LENGTH_MAX:
        yield errors.too_long(f"{path}.cel.expression", _EXPRESSION_LENGTH_MAX)


def configurations(path: str, entries: list[Object]) -> Causes:
    """A class's; a claim's also say for which requests they are."""
    yield from bounded(path, entries, _CONFIGS_MAX, configuration_problems)


def configuration_problems(path: str, entry: Object) -> Causes:
    opaque = entry.get("opaque")
    if type(opaque) is not dict:
        yield errors.required(f"{path}.opaque", "")
        return
    yield from identifiers.driver(f"{path}.opaque.driver", opaque.get("driver"))
    yield from _raw(f"{path}.opaque.parameters", opaque.get("parameters"))


def _raw(path: str, value: Any) -> Causes:
    if value is None:
        yield errors.required(path, "")
    elif type(value) is not dict:
        yield errors.invalid_value(path, "<value omitted>", "must be a valid JSON object")
    elif len(orjson.dumps(value)) > _PARAMETERS_LENGTH_MAX:
        yield errors.too_long(path, _PARAMETERS_LENGTH_MAX)


def attribute_name(path: str, name: str, *, qualified: bool) -> Causes:
    """`domain/name`, or a name alone unless it must be qualified."""
    domain, slash, own = name.rpartition("/")
    if slash and not domain:
        yield errors.invalid_value(path, "", "the domain must not be empty")
    elif slash:
        yield from identifiers.driver(path, domain)
    if slash and not own:
        yield errors.invalid_value(path, "", "the name must not be empty")
    else:
        yield from identifiers.c_identifier(path, own)
    if qualified and not slash:
        yield errors.invalid_value(
            path, name, "a fully qualified name must be a domain and a name separated by a slash"
        )


def status_problems(new: Object, old: Object) -> Causes:
    status, before = shape.mapping(new, "status"), shape.mapping(old, "status")
    allocation, was = status.get("allocation"), before.get("allocation")
    reserved = shape.items(status, "reservedFor")
    uids = [shape.text(consumer, "uid") for consumer in reserved]
    yield from distinct("status.reservedFor", reserved, _RESERVED_MAX, _consumer, lambda one: shape.text(one, "uid"))
    results = shape.items(shape.mapping(shape.mapping(status, "allocation"), "devices"), "results")
    allocated = [_identity(result) for result in results]
    for index, device in enumerate(shape.items(status, "devices")):
        yield from _device_status(f"status.devices[{index}]", device, allocated)
    if reserved and type(allocation) is not dict:
        yield errors.forbidden_field("status.reservedFor", "may not be specified when `allocated` is not set")
    elif reserved and shape.mapping(new, "metadata").get("deletionTimestamp"):
        known = {shape.text(consumer, "uid") for consumer in shape.items(before, "reservedFor")}
        if set(uids) - known:
            yield errors.forbidden_field(
                "status.reservedFor",
                "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set",
            )
    if type(was) is dict and type(allocation) is dict:
        if allocation != was:
            yield errors.invalid_value("status.allocation", allocation, errors.IMMUTABLE)
    elif type(allocation) is dict:
        yield from _allocation(new, shape.mapping(allocation, "devices"), results)


def _identity(entry: Object) -> tuple[Any, ...]:
    return tuple(entry.get(key) or "" for key in ("driver", "pool", "device", "shareID"))


def _allocation(claim: Object, devices: Object, results: list[Object]) -> Causes:
    known = _names(shape.mapping(shape.mapping(claim, "spec"), "devices"))

    def result(at: str, entry: Object) -> Causes:
        yield from _reference(f"{at}.request", shape.text(entry, "request"), known)
        yield from _device_reference(at, entry)

    def configuration(at: str, entry: Object) -> Causes:
        source = shape.text(entry, "source")
        if not source:
            yield errors.required(f"{at}.source", "")
        elif source not in ("FromClaim", "FromClass"):
            yield errors.not_supported(f"{at}.source", source, ("FromClaim", "FromClass"))
        yield from _references(at, entry, known)
        yield from configuration_problems(at, entry)

    path = "status.allocation.devices"
    yield from bounded(f"{path}.results", results, _RESULTS_MAX, result)
    yield from bounded(f"{path}.config", shape.items(devices, "config"), 2 * _CONFIGS_MAX, configuration)


def _device_reference(path: str, entry: Object) -> Causes:
    yield from identifiers.driver(f"{path}.driver", entry.get("driver"))
    yield from pool_name(f"{path}.pool", shape.text(entry, "pool"))
    yield from _request_name(f"{path}.device", entry.get("device"))


def _consumer(path: str, consumer: Object) -> Causes:
    for key in ("resource", "name", "uid"):
        if not consumer.get(key):
            yield errors.required(f"{path}.{key}", "")


def _device_status(path: str, device: Object, allocated: list[tuple[Any, ...]]) -> Causes:
    yield from _device_reference(path, device)
    if _identity(device) not in allocated:
        yield errors.invalid_value(path, "/".join(str(part) for part in _identity(device)[:3]), _NO_DEVICE)
    found = shape.items(device, "conditions")
    if len(found) > _CONDITIONS_MAX:
        yield errors.too_many(f"{path}.conditions", len(found), _CONDITIONS_MAX)
    yield from condition_rules.problems(f"{path}.conditions", found)
    if device.get("data") is not None:
        yield from _raw(f"{path}.data", device["data"])
    network = shape.mapping(device, "networkData")
    for key, limit in _NETWORK:
        if len(shape.text(network, key)) > limit:
            yield errors.too_long(f"{path}.networkData.{key}", limit)


def template_metadata(path: str, meta: Object) -> Causes:
    yield from metadata.label_problems(f"{path}.labels", meta.get("labels"))
    yield from metadata.annotation_problems(f"{path}.annotations", meta.get("annotations"))
