"""The ``bascule`` command, a file for each of its verbs."""
