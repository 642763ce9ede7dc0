"""What a call raises when no answer came. A refusal by the server is `vocabulary.errors.StatusError` instead."""


class Unreachable(Exception):
    """No complete answer: refused, reset or timed out. A write may or may not have happened: look before repeating."""
