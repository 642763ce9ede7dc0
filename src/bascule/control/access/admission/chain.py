"""The chain: every write goes through `mutate`, then (after validation by its kind) `validate`, then `reserve`."""

from bascule.control.access import authorization, reader
from bascule.control.access.admission import request, resource_quota
from bascule.vocabulary import clock, objects


class Chain:
    """Not shared between processes; the reservations of `reserve` are held by this one."""

    def __init__(
        self, source: reader.Reader, *, authorizer: authorization.Authorizer, time: clock.Clock, seed: int | None = None
    ) -> None: ...

    def mutate(self, asked: request.AdmissionRequest, obj: objects.Object) -> None:
        """Completes `obj` in place, before defaults are filled in again and it is validated. StatusError 403."""

    def validate(self, asked: request.AdmissionRequest, obj: objects.Object | None) -> None:
        """Refuses what must not be; `obj` is None for DELETE. StatusError 403 (or 404, 422)."""

    def reserve(self, asked: request.AdmissionRequest, obj: objects.Object | None) -> resource_quota.Reservation:
        """Charges quotas. Use as a context manager around the store commit; call `committed()` once it is visible."""
        return resource_quota.Reservation()
