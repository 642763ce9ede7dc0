"""What every installation starts with, as desired objects.

The API server creates the missing ones and reconciles roles; nothing is ever taken away from what an operator changed.
"""

from dataclasses import dataclass

from bascule.vocabulary import objects


@dataclass(frozen=True, slots=True)
class Settings:
    service_range: str = "10.96.0.0/16"
    api_address: str = "127.0.0.1"
    api_port: int = 6443
    cluster: str = objects.ROOT


def desired(settings: Settings) -> list[objects.Object]:
    """Every object with apiVersion, kind and metadata, in an order in which they can be created."""
    raise NotImplementedError


def reconcile(current: objects.Object, wanted: objects.Object) -> objects.Object | None:
    """What `current` must become so that it grants at least `wanted` (roles, bindings); None when it already does."""
    raise NotImplementedError
