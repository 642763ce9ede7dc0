"""Who asks, whether they may, and what must be true of what they ask for.

`authentication` turns credentials into a `user.User`, `authorization` answers yes or no with a reason, `admission`
completes and refuses objects, `bootstrap` lists what every installation starts with. Everything reads through a
`reader.Reader` and does no I/O of its own.
"""
