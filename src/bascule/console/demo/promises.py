"""What was promised and what was seen, side by side; the demo's exit code is whether they agree."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Promise:
    case: str
    promised: str
    seen: str
    kept: bool


@dataclass(slots=True)
class Promises:
    made: list[Promise] = field(default_factory=list)

    def check(self, case: str, promised: str, seen: str, *, kept: bool) -> None:
        self.made.append(Promise(case, promised, seen, kept))

    @property
    def all_kept(self) -> bool:
        return bool(self.made) and all(promise.kept for promise in self.made)

    def table(self) -> Table:
        table = Table(title="promised and seen", title_justify="left")
        for title in ("case", "promised", "seen", ""):
            table.add_column(title, overflow="fold")
        for promise in self.made:
            table.add_row(promise.case, promise.promised, promise.seen, "kept" if promise.kept else "BROKEN")
        return table
