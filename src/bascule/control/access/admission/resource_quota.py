"""ResourceQuota: what a namespace may hold is never exceeded, not even by concurrent creates."""

from types import TracebackType


class Reservation:
    """Held from admission until the write is in the reader, or given back when it failed."""

    def committed(self) -> None:
        """The write is in the store and the reader shows it."""

    def release(self) -> None:
        """Gives it back, unless committed."""

    def __enter__(self) -> "Reservation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
