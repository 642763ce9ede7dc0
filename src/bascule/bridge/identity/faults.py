"""What can be wrong with an identity, said so that an operator knows what to do."""


class IdentityError(Exception):
    """A key, certificate or request that cannot be used; the message says which, why and what to do."""
