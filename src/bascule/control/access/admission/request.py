"""One write as admission sees it. Warnings collected here are sent to the client as `Warning: 299` headers."""

from dataclasses import dataclass, field
from typing import Literal

from bascule.control.access import user
from bascule.vocabulary import objects, resources

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
        if text not in self.warnings:
            self.warnings.append(text)
