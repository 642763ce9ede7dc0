"""Roles and ClusterRoles."""

from __future__ import annotations

from collections.abc import Callable

from bascule.control.kinds import generic, metadata, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Context, Strategy
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object


def _rule_problems(path: str, rule: Object, *, namespaced: bool) -> Causes:
    if not rule.get("verbs"):
        yield errors.required(f"{path}.verbs", "verbs must contain at least one value")
    urls = rule.get("nonResourceURLs")
    if urls:
        if namespaced:
            yield errors.invalid_value(
                f"{path}.nonResourceURLs", urls, "namespaced rules cannot apply to non-resource URLs"
            )
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            yield errors.invalid_value(
                f"{path}.nonResourceURLs",
                urls,
                "rules cannot apply to both regular resources and non-resource URLs",
            )
        return
    if not rule.get("apiGroups"):
        yield errors.required(f"{path}.apiGroups", "resource rules must supply at least one api group")
    if not rule.get("resources"):
        yield errors.required(f"{path}.resources", "resource rules must supply at least one resource")


def _role_rules(obj: Object) -> Causes:
    for index, rule in enumerate(shape.items(obj, "rules")):
        yield from _rule_problems(f"rules[{index}]", rule, namespaced=True)


def _cluster_role_rules(obj: Object) -> Causes:
    for index, rule in enumerate(shape.items(obj, "rules")):
        yield from _rule_problems(f"rules[{index}]", rule, namespaced=False)
    aggregation = obj.get("aggregationRule")
    if type(aggregation) is dict:
        chosen = shape.items(aggregation, "clusterRoleSelectors")
        if not chosen:
            yield errors.required(
                "aggregationRule.clusterRoleSelectors",
                "at least one clusterRoleSelector required if aggregationRule is non-nil",
            )
        for index, selector in enumerate(chosen):
            at = f"aggregationRule.clusterRoleSelectors[{index}]"
            problems = list(selectors.problems(at, selector))
            yield from problems
            if problems:
                yield errors.invalid_value(at, None, "invalid label selector.")


def _create(obj: Object, context: Context) -> None:
    """A role without rules says so: clients read the field without asking whether it is there."""
    obj.setdefault("rules", None)


def _update(new: Object, old: Object, context: Context) -> None:
    _create(new, context)


def _role(rules: Callable[[Object], Causes]) -> Strategy:
    return generic.make(
        name_rule=metadata.path_segment, create=_create, update=_update, rules=rules, create_on_update=True
    )


ROLE = _role(_role_rules)
CLUSTER_ROLE = _role(_cluster_role_rules)
