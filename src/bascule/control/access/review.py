"""The answers of SubjectAccessReview, its relatives, SelfSubjectRulesReview, TokenReview and SelfSubjectReview."""

from bascule.control.access import authentication, authorization, user
from bascule.vocabulary import objects


def access(review: objects.Object, asker: user.User, authorizer: authorization.Authorizer, cluster: str) -> None:
    """Fills `status` of a SubjectAccessReview, LocalSubjectAccessReview or SelfSubjectAccessReview in place."""


def rules(review: objects.Object, asker: user.User, authorizer: authorization.Authorizer, cluster: str) -> None:
    """Fills `status` of a SelfSubjectRulesReview in place."""


def token(review: objects.Object, authenticator: authentication.Authenticator, cluster: str) -> None:
    """Fills `status` of a TokenReview in place."""


def subject(review: objects.Object, asker: user.User) -> None:
    """Fills `status` of a SelfSubjectReview in place."""
