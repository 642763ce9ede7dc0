"""Which kinds a logical cluster serves. Built-ins are the same in all; custom ones are each cluster's own.

Read from the cluster's discovery when one is asked for, and kept until definitions change anywhere.
"""

from bascule.client import api, discovery
from bascule.vocabulary import builtins, resources


class ServedKinds:
    def __init__(self, client: api.Client) -> None:
        self._client = client
        self._known: dict[str, dict[tuple[str, str], resources.Resource]] = {}

    def forget(self) -> None:
        """Definitions changed: what was known may no longer hold."""
        self._known.clear()

    async def row(self, cluster: str, api_version: str, kind: str) -> resources.Resource | None:
        """The kind's row in the cluster; None where it is not served. Raises what reading discovery raises."""
        built_in = builtins.REGISTRY.by_kind(api_version, kind)
        if built_in is not None:
            return built_in
        known = self._known.get(cluster)
        if known is None:
            found = await discovery.discover(self._client, cluster=cluster)
            known = {(row.api_version, row.kind): row for row in found.rows}
            if not found.failed:
                self._known[cluster] = known
        return known.get((api_version, kind))
