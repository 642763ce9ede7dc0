"""ServiceCIDRs and IPAddresses: where service addresses come from, and who has them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import addresses, check, columns, generic, identifiers, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object


def _cidr_rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    cidrs = shape.texts(spec, "cidrs")
    if not cidrs:
        yield errors.required("spec.cidrs", "at least one CIDR required")
    elif len(cidrs) > 2:
        yield errors.invalid_value("spec.cidrs", spec, "may only hold up to 2 values")
    elif len(cidrs) == 2 and not _two_families(cidrs):
        yield errors.invalid_value(
            "spec.cidrs",
            spec,
            "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64",
        )
    else:
        for index, cidr in enumerate(cidrs):
            yield from addresses.range_problems(f"spec.cidrs[{index}]", cidr)


def _two_families(cidrs: list[str]) -> bool:
    found = [addresses.network(cidr) for cidr in cidrs]
    return {one.version for one in found if one is not None} == {4, 6}


def _cidr_update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    yield from check.immutable("spec.cidrs", spec.get("cidrs"), before.get("cidrs"))


def _cidr_cells(obj: Object, now: datetime) -> list[Any]:
    cidrs = columns.joined(shape.texts(shape.mapping(obj, "spec"), "cidrs"), "")
    return [columns.name(obj), cidrs, columns.age(obj, now)]


def _address_rules(obj: Object) -> Causes:
    yield from addresses.address_problems("metadata.name", columns.name(obj))
    parent = shape.mapping(obj, "spec").get("parentRef")
    if type(parent) is not dict:
        yield errors.required("spec.parentRef", "")
        return
    if parent.get("group"):
        yield from identifiers.subdomain("spec.parentRef.group", parent["group"])
    for key in ("resource", "name"):
        yield from identifiers.required_segment(f"spec.parentRef.{key}", parent.get(key))
    if parent.get("namespace"):
        yield from identifiers.segment("spec.parentRef.namespace", parent["namespace"])


def _address_update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    yield from check.immutable("spec.parentRef", spec.get("parentRef"), before.get("parentRef"))


def _address_cells(obj: Object, now: datetime) -> list[Any]:
    parent = shape.mapping(shape.mapping(obj, "spec"), "parentRef")
    group, resource = shape.text(parent, "group"), shape.text(parent, "resource")
    parts = [(f"{resource}.{group}" if group else resource).lower(), shape.text(parent, "name")]
    if parent.get("namespace"):
        parts.insert(1, shape.text(parent, "namespace"))
    return [columns.name(obj), "/".join(parts) if parent else columns.NONE]


SERVICE_CIDR = generic.make(
    rules=_cidr_rules,
    update_rules=_cidr_update_rules,
    columns=(columns.NAME, Column("CIDRs", description="The address ranges."), columns.AGE),
    cells=_cidr_cells,
    status=True,
)
IP_ADDRESS = generic.make(
    name_rule=metadata.anything,
    rules=_address_rules,
    update_rules=_address_update_rules,
    columns=(columns.NAME, Column("ParentRef", description="Who has the address.")),
    cells=_address_cells,
)
