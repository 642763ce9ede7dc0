"""Rules of what steers the scheduler: tolerations, affinity, topology spread, node selectors."""

from __future__ import annotations

from bascule.control.kinds import metadata, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import approved
from bascule.vocabulary import errors, names
from bascule.vocabulary.objects import Object

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_HONOR = ("Honor", "Ignore")
_ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
_WEIGHT = "must be in the range 1-100"


def problems(path: str, spec: Object) -> Causes:
    if spec.get("nodeSelector"):
        yield from metadata.label_problems(f"{path}.nodeSelector", spec["nodeSelector"])
    if spec.get("tolerations"):
        yield from _tolerations(f"{path}.tolerations", shape.items(spec, "tolerations"))
    if spec.get("affinity"):
        yield from _affinity(f"{path}.affinity", shape.mapping(spec, "affinity"))
    if spec.get("topologySpreadConstraints"):
        yield from _spread(f"{path}.topologySpreadConstraints", shape.items(spec, "topologySpreadConstraints"))
    seen = set()
    for index, gate in enumerate(shape.items(spec, "schedulingGates")):
        name = shape.text(gate, "name")
        for problem in names.is_qualified_name(name):
            yield errors.invalid_value(f"{path}.schedulingGates[{index}]", name, problem)
        if name in seen:
            yield errors.duplicate(f"{path}.schedulingGates[{index}]", name)
        seen.add(name)


@approved.part
def _tolerations(path: str, tolerations: list[Object]) -> Causes:
    for index, toleration in enumerate(tolerations):
        yield from toleration_problems(f"{path}[{index}]", toleration)


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
        found = names.label_value_problems(value)
        if found:
            yield errors.invalid_value(f"{path}.operator", value, ";".join(found))
    elif operator == "Exists":
        if value:
            yield errors.invalid_value(f"{path}.operator", value, "value must be empty when `operator` is 'Exists'")
    else:
        yield errors.not_supported(f"{path}.operator", operator, ("Equal", "Exists"))
    if effect and effect not in EFFECTS:
        yield errors.not_supported(f"{path}.effect", effect, EFFECTS, in_order=True)


def _affinity(path: str, affinity: Object) -> Causes:
    node = shape.mapping(affinity, "nodeAffinity")
    required = node.get("requiredDuringSchedulingIgnoredDuringExecution")
    if type(required) is dict:
        yield from node_selector(f"{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution", required)
    at = f"{path}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution"
    for index, term in enumerate(shape.items(node, "preferredDuringSchedulingIgnoredDuringExecution")):
        yield from _weight(f"{at}[{index}].weight", term)
        yield from _node_term(f"{at}[{index}].preference", shape.mapping(term, "preference"), values=False)
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
        yield from _node_term(f"{path}.nodeSelectorTerms[{index}]", term, values=True)


def _node_term(path: str, term: Object, *, values: bool) -> Causes:
    """`values`: those of expressions must be values of labels (where the term is a must)."""
    for index, requirement in enumerate(shape.items(term, "matchExpressions")):
        yield from _expression(f"{path}.matchExpressions[{index}]", requirement, check_values=values)
    for index, requirement in enumerate(shape.items(term, "matchFields")):
        yield from _field(f"{path}.matchFields[{index}]", requirement)


def _expression(at: str, requirement: Object, *, check_values: bool) -> Causes:
    operator, values = shape.text(requirement, "operator"), shape.sequence(requirement, "values")
    if operator in ("In", "NotIn"):
        if not values:
            yield errors.required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            message = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield errors.forbidden_field(f"{at}.values", message)
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            yield errors.required(f"{at}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    else:
        yield errors.invalid_value(f"{at}.operator", operator, "not a valid selector operator")
    yield from metadata.label_problems(f"{at}.key", {shape.text(requirement, "key"): ""})
    if check_values:
        for index, value in enumerate(shape.texts(requirement, "values")):
            for problem in names.label_value_problems(value):
                yield errors.invalid_value(f"{at}.values[{index}]", value, problem)


def _field(at: str, requirement: Object) -> Causes:
    operator, key = shape.text(requirement, "operator"), shape.text(requirement, "key")
    if operator not in ("In", "NotIn"):
        yield errors.invalid_value(f"{at}.operator", operator, "not a valid selector operator")
    elif len(shape.sequence(requirement, "values")) != 1:
        message = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        yield errors.required(f"{at}.values", message)
    if key != "metadata.name":
        yield errors.invalid_value(f"{at}.key", key, "not a valid field selector key")
        return
    for index, value in enumerate(shape.texts(requirement, "values")):
        for problem in metadata.subdomain(value):
            yield errors.invalid_value(f"{at}.values[{index}]", value, problem)


def _pod_term(path: str, term: Object) -> Causes:
    yield from selectors.problems(f"{path}.labelSelector", term.get("labelSelector"))
    yield from selectors.problems(f"{path}.namespaceSelector", term.get("namespaceSelector"))
    for name in shape.texts(term, "namespaces"):
        for problem in metadata.label(name):
            yield errors.invalid_value(f"{path}.namespace", name, problem)
    if term.get("matchLabelKeys") or term.get("mismatchLabelKeys"):
        yield from _label_keys(path, term)
    key = shape.text(term, "topologyKey")
    if not key:
        yield errors.required(f"{path}.topologyKey", "can not be empty")
    yield from metadata.label_problems(f"{path}.topologyKey", {key: ""})


def _label_keys(path: str, term: Object) -> Causes:
    """Labels of the incoming pod whose values its neighbours share, or do not."""
    selector = term.get("labelSelector")
    same, other = shape.texts(term, "matchLabelKeys"), shape.texts(term, "mismatchLabelKeys")
    for field, keys in (("matchLabelKeys", same), ("mismatchLabelKeys", other)):
        if keys and type(selector) is not dict:
            yield errors.forbidden_field(f"{path}.{field}", "must not be specified when labelSelector is not set")
            continue
        for index, key in enumerate(keys):
            yield from metadata.label_problems(f"{path}.{field}[{index}]", {key: ""})
    if type(selector) is dict:
        # What creation added for each key is there once; a second time is the user's own.
        chosen = set(shape.mapping(selector, "matchLabels"))
        for expression in shape.items(selector, "matchExpressions"):
            key = shape.text(expression, "key")
            if key in same and key in chosen:
                message = "exists in both matchLabelKeys and labelSelector"
                yield errors.invalid_value(f"{path}[{same.index(key)}]", key, message)
            chosen.add(key)
    for index, key in enumerate(same):
        if key in other:
            message = "exists in both matchLabelKeys and mismatchLabelKeys"
            yield errors.invalid_value(f"{path}.matchLabelKeys[{index}]", key, message)


def merge_label_keys(selector: Object, keys: list[str], operator: str, labels: dict[str, str]) -> None:
    """Adds to a selector what the named labels of the pod say; keys the pod lacks say nothing."""
    expressions = [{"key": key, "operator": operator, "values": [labels[key]]} for key in keys if key in labels]
    if expressions:
        selector["matchExpressions"] = [*shape.sequence(selector, "matchExpressions"), *expressions]


def apply_label_keys(spec: Object, labels: dict[str, str]) -> None:
    """At creation the pod's own labels become part of its affinity and spread selectors."""
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = shape.mapping(shape.mapping(spec, "affinity"), kind)
        terms = [
            shape.mapping(weighted, "podAffinityTerm")
            for weighted in shape.items(pods, "preferredDuringSchedulingIgnoredDuringExecution")
        ]
        for term in [*terms, *shape.items(pods, "requiredDuringSchedulingIgnoredDuringExecution")]:
            selector = term.get("labelSelector")
            if type(selector) is dict:
                merge_label_keys(selector, shape.texts(term, "matchLabelKeys"), "In", labels)
                merge_label_keys(selector, shape.texts(term, "mismatchLabelKeys"), "NotIn", labels)
    for constraint in shape.items(spec, "topologySpreadConstraints"):
        selector = constraint.get("labelSelector")
        if type(selector) is dict:
            merge_label_keys(selector, shape.texts(constraint, "matchLabelKeys"), "In", labels)


def _spread(path: str, constraints: list[Object]) -> Causes:
    pairs = [(shape.text(one, "topologyKey"), shape.text(one, "whenUnsatisfiable")) for one in constraints]
    for index, constraint in enumerate(constraints):
        at = f"{path}[{index}]"
        skew, (key, action) = shape.count(constraint, "maxSkew"), pairs[index]
        if skew <= 0:
            yield errors.invalid_value(f"{at}.maxSkew", skew, "must be greater than zero")
        if not key:
            yield errors.required(f"{at}.topologyKey", "can not be empty")
        if action not in _ACTIONS:
            yield errors.not_supported(f"{at}.whenUnsatisfiable", action, _ACTIONS)
        if pairs[index] in pairs[index + 1 :]:
            yield errors.duplicate(f"{at}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}")
        domains = constraint.get("minDomains")
        if type(domains) is int:
            if domains <= 0:
                yield errors.invalid_value(f"{at}.minDomains", domains, "must be greater than zero")
            if action != "DoNotSchedule":
                message = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
                yield errors.invalid_value(f"{at}.minDomains", domains, message)
        for field in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            value = constraint.get(field)
            if type(value) is str and value not in _HONOR:
                yield errors.not_supported(f"{at}.{field}", value, _HONOR)
        if constraint.get("matchLabelKeys"):
            yield from _spread_keys(f"{at}.matchLabelKeys", constraint)
        yield from selectors.problems(f"{at}.labelSelector", constraint.get("labelSelector"))


def _spread_keys(path: str, constraint: Object) -> Causes:
    selector = constraint.get("labelSelector")
    if type(selector) is not dict:
        yield errors.forbidden_field(path, "must not be specified when labelSelector is not set")
        selector = {}
    expressions = [shape.text(one, "key") for one in shape.items(selector, "matchExpressions")]
    plain = shape.mapping(selector, "matchLabels")
    for index, key in enumerate(shape.texts(constraint, "matchLabelKeys")):
        yield from metadata.label_problems(f"{path}[{index}]", {key: ""})
        # What creation added for the key is there once.
        if key in plain or expressions.count(key) > 1:
            message = "exists in both matchLabelKeys and labelSelector"
            yield errors.invalid_value(f"{path}[{index}]", key, message)
