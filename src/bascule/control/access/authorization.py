"""May this user do this? The one entrance to all authorizers, in order: masters, node, RBAC.

A request into a logical cluster is judged by that cluster's own roles, except for the platform's components, whom the
roles of `root` govern everywhere. An identity of one cluster has no rights in another, whatever it is called there; one
of the installation (a client certificate) has those that a cluster's bindings give it by its name or groups, else none.
"""

import dataclasses

from bascule.control.access import attributes, node, rbac, reader, rules, user
from bascule.vocabulary import objects

Attributes = attributes.Attributes
Decision = attributes.Decision
ALL_CLUSTERS = attributes.ALL_CLUSTERS

_MASTER = Decision(True, "")


class Authorizer:
    def __init__(self, source: reader.Reader) -> None:
        self.policy = rbac.Policy(source)
        self._nodes = node.NodeAuthorizer(source)

    def decide(self, asked: Attributes) -> Decision:
        who = asked.user
        cluster = asked.cluster
        if who.home is not None and who.home != cluster:
            return Decision(
                False, f'this identity belongs to the cluster "{who.home}" and has no rights in "{cluster}"'
            )
        if is_master(who, cluster):
            return _MASTER
        refusal = ""
        if user.NODES in who.groups:
            name = who.node_name()
            if name is not None and not asked.path:
                decision = self._nodes.decide(name, asked)
                if decision.allowed:
                    return decision
                refusal = decision.reason
        if cluster != objects.ROOT:
            if is_component(who):
                cluster = objects.ROOT
            elif cluster == ALL_CLUSTERS:
                return Decision(False, "only the platform's own components read across clusters")
        rights = self._rights(who, cluster)
        if asked.path:
            reason = rights.path(asked.verb, asked.path)
        else:
            resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
            reason = rights.resource(asked.verb, asked.group, resource, asked.namespace, asked.name)
        if reason:
            return Decision(True, reason)
        problem = rights.problem(asked.namespace)
        return Decision(False, f"{refusal}\n{problem}" if refusal and problem else refusal or problem)

    def held(self, who: user.User, cluster: str, namespace: str) -> list[rules.Rule]:
        """Every rule of RBAC in force for the user in a namespace ("" for cluster-wide ones only)."""
        if who.home is not None and who.home != cluster:
            return []
        governing = objects.ROOT if is_component(who) else cluster
        return list(self._rights(who, governing).held(namespace))

    def _rights(self, who: user.User, cluster: str) -> rbac.Rights:
        """Of an identity of the installation in a cluster: none, unless a binding there names it or a group of its own.

        What every authenticated user of a cluster may do (see which kinds it has) is for those who belong there.
        """
        if cluster != objects.ROOT and who.home is None and user.AUTHENTICATED in who.groups:
            own = tuple(group for group in who.groups if group != user.AUTHENTICATED)
            stranger = self.policy.rights(dataclasses.replace(who, groups=own), cluster)
            if not stranger.grants:
                return stranger
        return self.policy.rights(who, cluster)

    def require(self, asked: Attributes) -> None:
        """Raises the 403 StatusError in upstream's words when not allowed."""
        decision = self.decide(asked)
        if not decision.allowed:
            raise attributes.refusal(asked, decision.reason)


def is_master(who: user.User, cluster: str) -> bool:
    """Whether this user may do everything in the cluster."""
    return user.MASTERS in who.groups and (who.home is None or who.home == cluster)


def is_component(who: user.User) -> bool:
    """An identity of the installation itself, made by `identity.pki`: governed by the roles of `root` everywhere."""
    return who.home is None and (who.name.startswith("bascule:") or who.name == "system:kube-scheduler")
