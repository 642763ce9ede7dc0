"""Rules of what steers the scheduler: tolerations, affinity, topology spread, node selectors."""

from __future__ import annotations

from bascule.control.kinds import check, metadata, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")
_HONOR = ("Honor", "Ignore")
_WEIGHT = "must be in the range 1-100"


def problems(path: str, spec: Object) -> Causes:
    if spec.get("nodeSelector"):
        yield from metadata.label_problems(f"{path}.nodeSelector", spec["nodeSelector"])
    for index, toleration in enumerate(shape.items(spec, "tolerations")):
        yield from toleration_problems(f"{path}.tolerations[{index}]", toleration)
    if spec.get("affinity"):
        yield from _affinity(f"{path}.affinity", shape.mapping(spec, "affinity"))
    if spec.get("topologySpreadConstraints"):
        yield from _spread(f"{path}.topologySpreadConstraints", shape.items(spec, "topologySpreadConstraints"))
    seen = set()
    for index, gate in enumerate(shape.items(spec, "schedulingGates")):
        name = shape.text(gate, "name")
        yield from metadata.label_problems(f"{path}.schedulingGates[{index}]", {name: ""})
        if name in seen:
            yield errors.duplicate(f"{path}.schedulingGates[{index}]", name)
        seen.add(name)


def toleration_problems(path: str, toleration: Object) -> Causes:
    key, operator = shape.text(toleration, "key"), shape.text(toleration, "operator")
    value, effect = shape.text(toleration, "value"), shape.text(toleration, "effect")
    if key:
        yield from metadata.label_problems(f"{path}.key", {key: ""})
    elif operator != "Exists":
        yield errors.invalid_value(
            f"{path}.operator",
            operator,
            'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        )
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        yield errors.invalid_value(
            f"{path}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"
        )
    if operator in ("", "Equal"):
        yield from metadata.label_problems(f"{path}.operator", {"value": value})
    elif operator == "Exists":
        if value:
            yield errors.invalid_value(
                f"{path}.operator", toleration, "value must be empty when `operator` is 'Exists'"
            )
    else:
        yield errors.not_supported(f"{path}.operator", operator, ("Equal", "Exists"))
    yield from check.one_of(f"{path}.effect", effect, EFFECTS)


def _affinity(path: str, affinity: Object) -> Causes:
    node = shape.mapping(affinity, "nodeAffinity")
    required = node.get("requiredDuringSchedulingIgnoredDuringExecution")
    if type(required) is dict:
        yield from node_selector(f"{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution", required)
    at = f"{path}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution"
    for index, term in enumerate(shape.items(node, "preferredDuringSchedulingIgnoredDuringExecution")):
        yield from _weight(f"{at}[{index}].weight", term)
        yield from _node_term(f"{at}[{index}].preference", shape.mapping(term, "preference"))
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = shape.mapping(affinity, kind)
        at = f"{path}.{kind}.requiredDuringSchedulingIgnoredDuringExecution"
        for index, term in enumerate(shape.items(pods, "requiredDuringSchedulingIgnoredDuringExecution")):
            yield from _pod_term(f"{at}[{index}]", term)
        at = f"{path}.{kind}.preferredDuringSchedulingIgnoredDuringExecution"
        for index, term in enumerate(shape.items(pods, "preferredDuringSchedulingIgnoredDuringExecution")):
            yield from _weight(f"{at}[{index}].weight", term)
            yield from _pod_term(f"{at}[{index}].podAffinityTerm", shape.mapping(term, "podAffinityTerm"))


def _weight(path: str, term: Object) -> Causes:
    weight = shape.count(term, "weight")
    if not 1 <= weight <= 100:
        yield errors.invalid_value(path, weight, _WEIGHT)


def node_selector(path: str, selector: Object) -> Causes:
    """Also used by PersistentVolumes and resource slices."""
    terms = shape.items(selector, "nodeSelectorTerms")
    if not terms:
        yield errors.required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")
    for index, term in enumerate(terms):
        yield from _node_term(f"{path}.nodeSelectorTerms[{index}]", term)


def _node_term(path: str, term: Object) -> Causes:
    for kind in ("matchExpressions", "matchFields"):
        for index, requirement in enumerate(shape.items(term, kind)):
            at = f"{path}.{kind}[{index}]"
            operator, values = shape.text(requirement, "operator"), shape.sequence(requirement, "values")
            if operator in ("In", "NotIn"):
                if not values:
                    yield errors.required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'")
            elif operator in ("Exists", "DoesNotExist"):
                if values:
                    yield errors.forbidden_field(
                        f"{at}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                    )
            elif operator in ("Gt", "Lt"):
                if len(values) != 1:
                    yield errors.required(
                        f"{at}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'"
                    )
            else:
                yield errors.invalid_value(f"{at}.operator", operator, "not a valid selector operator")
            if kind == "matchExpressions":
                yield from metadata.label_problems(f"{at}.key", {shape.text(requirement, "key"): ""})


def _pod_term(path: str, term: Object) -> Causes:
    yield from selectors.problems(f"{path}.labelSelector", term.get("labelSelector"))
    yield from selectors.problems(f"{path}.namespaceSelector", term.get("namespaceSelector"))
    for name in shape.texts(term, "namespaces"):
        for problem in metadata.label(name):
            yield errors.invalid_value(f"{path}.namespace", name, problem)
    yield from _topology_key(path, term)


def _topology_key(path: str, term: Object) -> Causes:
    key = shape.text(term, "topologyKey")
    if not key:
        yield errors.required(f"{path}.topologyKey", "can not be empty")
    else:
        yield from metadata.label_problems(f"{path}.topologyKey", {key: ""})


def _spread(path: str, constraints: list[Object]) -> Causes:
    seen = set()
    for index, constraint in enumerate(constraints):
        at = f"{path}[{index}]"
        skew = shape.count(constraint, "maxSkew")
        if skew <= 0:
            yield errors.invalid_value(f"{at}.maxSkew", skew, "must be greater than zero")
        yield from _topology_key(at, constraint)
        action = shape.text(constraint, "whenUnsatisfiable")
        if action not in ("DoNotSchedule", "ScheduleAnyway"):
            yield errors.not_supported(f"{at}.whenUnsatisfiable", action, ("DoNotSchedule", "ScheduleAnyway"))
        pair = (shape.text(constraint, "topologyKey"), action)
        if pair in seen:
            yield errors.duplicate(f"{at}.{{topologyKey, whenUnsatisfiable}}", f"{{{pair[0]}, {pair[1]}}}")
        seen.add(pair)
        domains = constraint.get("minDomains")
        if type(domains) is int:
            if domains <= 0:
                yield errors.invalid_value(f"{at}.minDomains", domains, "must be greater than zero")
            if action != "DoNotSchedule":
                yield errors.invalid_value(
                    f"{at}.minDomains",
                    domains,
                    f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}",
                )
        for field in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            yield from check.one_of(f"{at}.{field}", constraint.get(field), _HONOR)
        yield from selectors.problems(f"{at}.labelSelector", constraint.get("labelSelector"))
