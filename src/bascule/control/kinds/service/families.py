"""Which families of addresses a Service has, on a platform whose Services have addresses of one family.

Without words of the user it is that family alone; a headless Service without a selector, whose endpoints are the
user's, may have both.
"""

from __future__ import annotations

from bascule.control.kinds import shape
from bascule.control.kinds.service import fields, rules
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_POLICY = "spec.ipFamilyPolicy"
_MULTIPLE = "must be 'RequireDualStack' or 'PreferDualStack' when multiple"


def settle(service: Object, old: Object | None, family: str) -> list[errors.Cause]:
    """Completes the Service's families in place, or says why it cannot; `family` is the platform's."""
    spec = shape.ensure(service, "spec")
    before = shape.mapping(old, "spec") if old is not None else {}
    if not spec.get("type"):
        spec["type"] = "ClusterIP"
    if spec["type"] == "ExternalName":
        return []
    headless = spec.get("clusterIP") == fields.HEADLESS
    selectorless = headless and not spec.get("selector")
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    if spec.get("ipFamilyPolicy") is None:
        default = "RequireDualStack" if selectorless else "SingleStack"
        spec["ipFamilyPolicy"] = before.get("ipFamilyPolicy") or default
    found = list(rules.address_problems(spec)) or _agreement(spec, before, family)
    if found:
        return found
    listed = shape.texts(spec, "ipFamilies")
    if selectorless:
        listed = listed or [family]
        if len(listed) < 2 and spec["ipFamilyPolicy"] != "SingleStack":
            listed = [*listed, "IPv6" if listed[0] == "IPv4" else "IPv4"]
        spec["ipFamilies"] = listed
        return []
    if spec["ipFamilyPolicy"] == "RequireDualStack":
        message = "this cluster is not configured for dual-stack services"
        found.append(errors.invalid_value(_POLICY, spec["ipFamilyPolicy"], message))
    for index, one in enumerate(listed):
        if one != family:
            message = "not configured on this cluster"
            found.append(errors.invalid_value(f"spec.ipFamilies[{index}]", one, message))
    if not found:
        spec["ipFamilies"] = listed or [family]
    return found


def _agreement(spec: Object, before: Object, family: str) -> list[errors.Cause]:
    """Policy, addresses and families agree with one another and, on an update, with what was given."""
    found = []
    addresses, families = shape.texts(spec, "clusterIPs"), shape.texts(spec, "ipFamilies")
    single = spec["ipFamilyPolicy"] == "SingleStack"
    for key, listed, one in (("clusterIPs", addresses, "cluster IP"), ("ipFamilies", families, "IP family")):
        was = shape.texts(before, key)
        if before and single and listed == was and len(listed) > 1:
            spec[key] = listed = listed[:1]
        elif before and not single and 0 < len(listed) < len(was) and listed == was[: len(listed)]:
            message = f"must be 'SingleStack' to release the secondary {one}"
            found.append(errors.invalid_value(_POLICY, spec["ipFamilyPolicy"], message))
        if single and len(listed) == 2:
            what = "cluster IPs are specified" if key == "clusterIPs" else "IP families are specified"
            found.append(errors.invalid_value(_POLICY, spec["ipFamilyPolicy"], f"{_MULTIPLE} {what}"))
    addresses, families = shape.texts(spec, "clusterIPs"), shape.texts(spec, "ipFamilies")
    for index, address in enumerate(addresses):
        if address == fields.HEADLESS:
            break
        own = "IPv6" if ":" in address else "IPv4"
        if index >= len(families):
            if own != family:
                message = f"{own} is not configured on this cluster"
                found.append(errors.invalid_value(f"spec.clusterIPs[{index}]", addresses, message))
            else:
                families = [*families, own]
                spec["ipFamilies"] = families
    return found
