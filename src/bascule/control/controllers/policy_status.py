"""Says in the status of ValidatingAdmissionPolicies what `policy_types` finds, once for each generation."""

from __future__ import annotations

from bascule.control.reconcile import manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, errors, objects


class PolicyStatus:
    def __init__(self, boss: manager.Manager) -> None:
        self._client = boss.client
        self._policies = boss.informer(builtins.VALIDATING_ADMISSION_POLICIES)
        self._definitions = boss.informer(builtins.CUSTOM_RESOURCE_DEFINITIONS)
        self.controller = boss.controller("policy-status", self.reconcile, of=builtins.VALIDATING_ADMISSION_POLICIES)
        self.controller.watch(self._policies)
        self.controller.wait_for(self._definitions)

    async def reconcile(self, request: Request) -> outcome.Outcome:
        policy = self._policies.store.get(request)
        if policy is None or objects.deletion_timestamp(policy) is not None:
            return outcome.DONE
        if (policy.get("status") or {}).get("observedGeneration") == objects.generation(policy):
            return outcome.DONE
        # The language and all kinds' rules come with it, 15 MB: only where there are policies.
        from bascule.control.controllers import policy_types

        known = [one for key, one in self._definitions.store.items() if key.cluster == request.cluster]
        try:
            await self._client.update_status(
                builtins.VALIDATING_ADMISSION_POLICIES, {**policy, "status": policy_types.status_of(policy, known)}
            )
        except errors.StatusError as error:
            if error.code != 404:
                raise
        return outcome.DONE
