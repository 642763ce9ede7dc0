"""The framework of all controllers, small: a level-based function from a name to an outcome, run with care.

Reading order: `request` and `outcome` (what a reconciler takes and gives), `queue` and `backoff` (when it runs),
`quarantine` (objects that keep failing), `controller` (one loop), `manager` (many loops, one process, one port).
Beside them: `expectations` (own writes not yet seen), `events` (what users are told), `metrics`.
"""
