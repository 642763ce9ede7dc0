"""Nobody grants what they do not hold: writes of roles need the rules (or `escalate`), of bindings the role's (or
`bind`).
"""

from collections.abc import Sequence

from bascule.control.access import attributes, rbac, rules, user
from bascule.control.access.admission import context, request
from bascule.vocabulary import errors, objects


def validate(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object | None) -> None:
    if obj is None or asked.operation not in ("CREATE", "UPDATE") or asked.subresource:
        return
    if user.MASTERS in asked.user.groups and asked.user.home in (None, asked.cluster):
        return
    if asked.resource.plural in ("roles", "clusterroles"):
        _check_role(held, asked, obj)
    else:
        _check_binding(held, asked, obj)


def _check_role(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object) -> None:
    old = asked.old or {}
    if asked.old and _only_for_collection(asked.old, obj):
        return
    if _may(held, asked, "escalate", asked.resource.plural, objects.name(obj)):
        return
    if obj.get("aggregationRule") and obj.get("aggregationRule") != old.get("aggregationRule"):
        everything = [rules.Rule(("*",), ("*",), ("*",)), rules.Rule(("*",), paths=("*",))]
        _require_covered(held, asked, everything, "must have cluster-admin privileges to use an aggregationRule: ")
    wanted = [rules.parse(document) for document in obj.get("rules") or ()]
    if old.get("aggregationRule") and not rules.uncovered(_in_force(held, asked, objects.name(obj)), wanted):
        return  # What the role selects is in force already; writing it down grants nothing.
    _require_covered(held, asked, wanted)


def _in_force(held: context.Context, asked: request.AdmissionRequest, name: str) -> Sequence[rules.Rule]:
    return held.authorizer.policy.compiled(asked.cluster).role_rules("ClusterRole", "", name) or ()


def _check_binding(held: context.Context, asked: request.AdmissionRequest, obj: objects.Object) -> None:
    if asked.old and _only_for_collection(asked.old, obj):
        return
    reference = obj.get("roleRef") or {}
    kind, name = reference.get("kind") or "", reference.get("name") or ""
    if _may(held, asked, "bind", "roles" if kind == "Role" else "clusterroles", name):
        return
    compiled = held.authorizer.policy.compiled(asked.cluster)
    granted = compiled.role_rules(kind, asked.namespace, name)
    if granted is None:
        raise errors.not_found(f"{kind.lower()}s.{rbac.GROUP}", name)
    _require_covered(held, asked, granted)


def _only_for_collection(old: objects.Object, new: objects.Object) -> bool:
    """Whether only what the garbage collector writes differs. A label may be what aggregates the role: it counts."""
    ignored = ("ownerReferences", "finalizers", "managedFields", "resourceVersion")

    def compared(obj: objects.Object) -> objects.Object:
        metadata = {key: value for key, value in objects.metadata(obj).items() if key not in ignored and value}
        return {**{key: value for key, value in obj.items() if value}, "metadata": metadata}

    return compared(old) == compared(new)


def _may(held: context.Context, asked: request.AdmissionRequest, verb: str, plural: str, name: str) -> bool:
    wanted = attributes.Attributes(
        asked.user, verb, asked.cluster, rbac.GROUP, plural, namespace=asked.namespace, name=name
    )
    return held.authorizer.decide(wanted).allowed


def _held(held: context.Context, asked: request.AdmissionRequest) -> list[rules.Rule]:
    return held.authorizer.held(asked.user, asked.cluster, asked.namespace)


def _require_covered(
    held: context.Context, asked: request.AdmissionRequest, granted: Sequence[rules.Rule], before: str = ""
) -> None:
    missing = rules.uncovered(_held(held, asked), granted)
    if missing:
        groups = " ".join(f'"{group}"' for group in asked.user.groups)
        listed = "\n".join(sorted(rule.compact() for rule in rules.compacted(missing)))
        text = (
            f'user "{asked.user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held'
        )
        raise context.forbid(asked, f"{before}{text}:\n{listed}")
