"""One write as admission sees it. Warnings collected here are sent to the client as `Warning: 299` headers."""

from dataclasses import dataclass, field
from typing import Final, Literal

from bascule.control.access import user
from bascule.vocabulary import objects, resources

WARNINGS_MAX: Final = 256
"""More are not kept: a client is sent 4 KB of them."""

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


@dataclass(slots=True)
class AdmissionRequest:
    user: user.User
    operation: Operation
    resource: resources.Resource
    cluster: str
    namespace: str
    name: str
    subresource: str = ""
    old: objects.Object | None = None
    options: objects.Object = field(default_factory=dict)
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)
    audit: dict[str, str] = field(default_factory=dict)
    within: objects.Object | None = None
    """The namespace, once a plugin has asked for it."""

    def warn(self, text: str) -> None:
        add_warning(self.warnings, text)


def add_warning(warnings: list[str], text: str) -> None:
    """Once each, and no more than can be of use, in bounded time however many there are."""
    if len(warnings) < WARNINGS_MAX and text not in warnings:
        warnings.append(text)
