"""The built-in controllers: one process, a file each; what each decides is a pure function, what it does is thin.

Start reading at `main` (which are there), `sources` (what they look at) and `replica_set` (the simplest whole one).
"""
