"""The embedded engine: one SQLite file, one process, one writer thread that commits in groups.

Reading order: ``schema`` (the tables and why), ``rows`` (numbering and checksums), ``group`` (many commits in one
transaction), ``writer`` (the thread), ``reader``, ``compaction``, ``store`` (the contract over these), ``restore``.
"""
