"""ServiceCIDRs and IPAddresses: where service addresses come from, and who has them."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import rules as pod_rules
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object


def _cidr_rules(obj: Object) -> Causes:
    cidrs = shape.texts(shape.mapping(obj, "spec"), "cidrs")
    if not cidrs:
        yield errors.required("spec.cidrs", "at least one CIDR required")
    for index, cidr in enumerate(cidrs):
        try:
            ipaddress.ip_network(cidr)
        except ValueError:
            yield errors.invalid_value(
                f"spec.cidrs[{index}]",
                cidr,
                "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            )


def _cidr_update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    yield from check.immutable("spec.cidrs", spec.get("cidrs"), before.get("cidrs"))


def _cidr_cells(obj: Object, now: datetime) -> list[Any]:
    cidrs = columns.joined(shape.texts(shape.mapping(obj, "spec"), "cidrs"), "")
    return [columns.name(obj), cidrs, columns.age(obj, now)]


def _address_rules(obj: Object) -> Causes:
    yield from pod_rules.ip("metadata.name", columns.name(obj))
    parent = shape.mapping(shape.mapping(obj, "spec"), "parentRef")
    if not parent:
        yield errors.required("spec.parentRef", "")
        return
    for key in ("resource", "name"):
        yield from check.required(f"spec.parentRef.{key}", parent.get(key))


def _address_update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    yield from check.immutable("spec.parentRef", spec.get("parentRef"), before.get("parentRef"))


def _address_cells(obj: Object, now: datetime) -> list[Any]:
    parent = shape.mapping(shape.mapping(obj, "spec"), "parentRef")
    group, resource = shape.text(parent, "group"), shape.text(parent, "resource")
    parts = (f"{resource}.{group}" if group else resource, parent.get("namespace"), parent.get("name"))
    return [columns.name(obj), "/".join(str(part) for part in parts if part)]


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
