"""Which controllers there are."""

from bascule.control.controllers import (
    account_secrets,
    cluster_role_aggregation,
    cron_job,
    daemon_set,
    deployment,
    disruption,
    endpoint_slice,
    endpoint_slice_mirroring,
    garbage_collection,
    job,
    namespace,
    node_ipam,
    node_lifecycle,
    options,
    pod_collection,
    policy_status,
    replica_set,
    resource_quota,
    root_ca,
    service_account,
    stateful_set,
    taint_eviction,
    volume_protection,
)
from bascule.control.reconcile import manager
from bascule.vocabulary import builtins


def assemble(boss: manager.Manager, chosen: options.Options) -> None:
    """Makes all of them parts of `boss`, which runs them."""
    namespace.Namespaces(boss)
    service_account.ServiceAccounts(boss)
    root_ca.RootCa(boss, chosen.root_ca)
    account_secrets.AccountSecrets(boss)
    deployment.Deployments(boss)
    replica_set.Replicas(boss)
    replica_set.Replicas(boss, builtins.REPLICATION_CONTROLLERS)
    stateful_set.StatefulSets(boss)
    daemon_set.DaemonSets(boss)
    job.Jobs(boss)
    cron_job.CronJobs(boss)
    disruption.Disruption(boss)
    volume_protection.ClaimProtection(boss)
    volume_protection.VolumeProtection(boss)
    resource_quota.ResourceQuotas(boss)
    cluster_role_aggregation.ClusterRoleAggregation(boss)
    policy_status.PolicyStatus(boss)
    endpoint_slice.EndpointSlices(boss)
    endpoint_slice_mirroring.Mirroring(boss)
    node_lifecycle.NodeLifecycle(boss, chosen)
    taint_eviction.TaintEviction(boss)
    if chosen.cluster_cidr:
        node_ipam.NodeIpam(boss, chosen.cluster_cidr)
    pod_collection.PodCollection(boss, finished_kept=chosen.terminated_pods_kept)
    garbage_collection.GarbageCollection(boss)
