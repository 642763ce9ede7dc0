"""The chain: every write goes through `mutate`, then (after validation by its kind) `validate`, then `reserve`.

Plugins in upstream's order. Which of them a request meets depends on its resource alone and is worked out once, so what
does not concern a resource costs it nothing. Policies and webhooks have their place marked; quota is always last.
"""

import random
from typing import Final

from bascule.control.access import account_secrets, authorization, reader
from bascule.control.access.admission import (
    account_secret,
    certificates,
    class_defaults,
    context,
    escalation,
    limit_ranger,
    namespace_lifecycle,
    node_restriction,
    pod_defaults,
    pod_security,
    request,
    resource_quota,
    service_account,
)
from bascule.vocabulary import clock, objects

_EVERY: Final = "*"
_PODS: Final = frozenset({"pods"})
_RBAC: Final = "rbac.authorization.k8s.io"

# (plugin, the qualified resources it is for)
_MUTATING: Final[tuple[tuple[context.Mutate, frozenset[str] | str], ...]] = (
    (namespace_lifecycle.mutate, _EVERY),
    (limit_ranger.mutate, _PODS),
    (service_account.mutate, _PODS),
    (account_secret.mutate, frozenset({"secrets"})),
    (pod_defaults.taint_new_node, frozenset({"nodes"})),
    (pod_defaults.priority, _PODS),
    (pod_defaults.tolerations, _PODS),
    (class_defaults.storage_class, frozenset({"persistentvolumeclaims"})),
    (class_defaults.in_use_protection, frozenset({"persistentvolumeclaims", "persistentvolumes"})),
    (pod_defaults.runtime_class, _PODS),
    (class_defaults.ingress_class, frozenset({"ingresses.networking.k8s.io"})),
    # Place of MutatingAdmissionPolicy, then of mutating webhooks.
)
_VALIDATING: Final[tuple[tuple[context.Validate, frozenset[str] | str], ...]] = (
    (namespace_lifecycle.validate, frozenset({"namespaces"})),
    (limit_ranger.validate, frozenset({"pods", "persistentvolumeclaims"})),
    (
        node_restriction.validate,
        frozenset(
            {
                "pods",
                "nodes",
                "persistentvolumeclaims",
                "serviceaccounts",
                "leases.coordination.k8s.io",
                "csinodes.storage.k8s.io",
                "events",
                "events.events.k8s.io",
            }
        ),
    ),
    (
        pod_security.validate,
        frozenset(
            {
                "pods",
                "replicationcontrollers",
                "podtemplates",
                "deployments.apps",
                "replicasets.apps",
                "statefulsets.apps",
                "daemonsets.apps",
                "jobs.batch",
                "cronjobs.batch",
            }
        ),
    ),
    (pod_defaults.overhead, frozenset({"pods"})),
    (pod_security.validate_namespace, frozenset({"namespaces"})),
    (pod_defaults.priority_class, frozenset({"priorityclasses.scheduling.k8s.io"})),
    (class_defaults.claim_growth, frozenset({"persistentvolumeclaims"})),
    (certificates.validate, frozenset({"certificatesigningrequests.certificates.k8s.io"})),
    (
        escalation.validate,
        frozenset(f"{plural}.{_RBAC}" for plural in ("roles", "clusterroles", "rolebindings", "clusterrolebindings")),
    ),
    # Place of ValidatingAdmissionPolicy, then of validating webhooks. ResourceQuota follows in `reserve`.
)


class Chain:
    """Not shared between processes; the reservations of `reserve` are held by this one."""

    def __init__(
        self,
        source: reader.Reader,
        *,
        authorizer: authorization.Authorizer,
        time: clock.Clock,
        filler: account_secrets.Filler | None = None,
        seed: int | None = None,
    ) -> None:
        """`filler` completes Secrets of service accounts; without it they are stored as they come."""
        self._context = context.Context(source, authorizer, time, random.Random(seed), filler)
        self._quotas = resource_quota.Ledger(source)
        self._mutating: dict[str, tuple[context.Mutate, ...]] = {}
        self._validating: dict[str, tuple[context.Validate, ...]] = {}

    def mutate(self, asked: request.AdmissionRequest, obj: objects.Object) -> bool:
        """Completes `obj` in place, before it is validated; whether defaults are to be filled in again before that.

        StatusError 403, 404.
        """
        qualified = asked.resource.qualified
        plugins = self._mutating.get(qualified)
        if plugins is None:
            chosen = (plugin for plugin, wanted in _MUTATING if wanted == _EVERY or qualified in wanted)
            plugins = self._mutating[qualified] = tuple(chosen)
        lacks_defaults = False
        for plugin in plugins:
            if plugin(self._context, asked, obj):
                lacks_defaults = True
        return lacks_defaults

    def validate(self, asked: request.AdmissionRequest, obj: objects.Object | None) -> None:
        """Refuses what must not be; `obj` is None for DELETE. StatusError 403 (or 404, 422)."""
        qualified = asked.resource.qualified
        plugins = self._validating.get(qualified)
        if plugins is None:
            chosen = (plugin for plugin, wanted in _VALIDATING if wanted == _EVERY or qualified in wanted)
            plugins = self._validating[qualified] = tuple(chosen)
        for plugin in plugins:
            plugin(self._context, asked, obj)

    def reserve(self, asked: request.AdmissionRequest, obj: objects.Object | None) -> resource_quota.Reservation:
        """Charges quotas. Use as a context manager around the store commit; call `committed()` once it is visible."""
        return self._quotas.reserve(asked, obj)
