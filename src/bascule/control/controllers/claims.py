"""Who belongs to a controller: adopt orphans that match its selector, release its own that no longer do.

Adoption is checked against the server first: a controller that is being deleted, or was replaced by another of
the same name, must not adopt on the word of a stale cache.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bascule.client import api
from bascule.vocabulary import errors, labels, objects, resources


@dataclass(frozen=True)
class Claim:
    """What `decide` answers; `kept` are owned and match."""

    kept: list[objects.Object] = field(default_factory=list)
    adopt: list[objects.Object] = field(default_factory=list)
    release: list[objects.Object] = field(default_factory=list)


def decide(owner: objects.Object, selector: labels.Selector, candidates: Iterable[objects.Object]) -> Claim:
    claim = Claim()
    owner_is_leaving = objects.deletion_timestamp(owner) is not None
    for obj in candidates:
        reference = objects.controller_of(obj)
        matches = selector.matches(objects.labels(obj))
        if reference is not None:
            if reference.get("uid") != objects.uid(owner):
                continue
            if matches:
                claim.kept.append(obj)
            elif not owner_is_leaving:
                claim.release.append(obj)
        elif matches and not owner_is_leaving and objects.deletion_timestamp(obj) is None:
            claim.adopt.append(obj)
    return claim


async def settle(
    client: api.Client,
    claim: Claim,
    *,
    owner: objects.Object,
    owner_resource: resources.Resource,
    resource: resources.Resource,
) -> list[objects.Object]:
    """Carries the claim out; everything that belongs to `owner` now."""
    mine = list(claim.kept)
    for obj in claim.release:
        others = [ref for ref in objects.owner_references(obj) if ref.get("uid") != objects.uid(owner)]
        await _set_owners(client, resource, obj, others)
    if claim.adopt and await _still_there(client, owner_resource, owner):
        for obj in claim.adopt:
            references = [*objects.owner_references(obj), objects.owner_reference(owner)]
            adopted = await _set_owners(client, resource, obj, references)
            if adopted is not None:
                mine.append(adopted)
    return mine


async def _still_there(client: api.Client, resource: resources.Resource, owner: objects.Object) -> bool:
    key = objects.key(owner)
    try:
        fresh = await client.get(resource, key.name, namespace=key.namespace, cluster=key.cluster)
    except errors.StatusError as error:
        if error.code == 404:
            return False
        raise
    return objects.uid(fresh) == objects.uid(owner) and objects.deletion_timestamp(fresh) is None


async def _set_owners(
    client: api.Client,
    resource: resources.Resource,
    obj: objects.Object,
    references: list[dict[str, object]],
) -> objects.Object | None:
    """None if the object is gone or another by now, which settles the matter as well."""
    key = objects.key(obj)
    body = {
        "metadata": {
            "uid": objects.uid(obj),
            "resourceVersion": objects.metadata(obj).get("resourceVersion"),
            "ownerReferences": references or None,
        }
    }
    try:
        return await client.patch(resource, key.name, body, namespace=key.namespace, cluster=key.cluster)
    except errors.StatusError as error:
        if error.code in (404, 422):
            return None
        raise
