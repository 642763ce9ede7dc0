"""Users by tokens that a file lists, for trials and test suites: `token,user,uid,"group1,group2"`, a user a line.

The form is that of kube-apiserver's `--token-auth-file`. Such tokens never expire and are read once, at the start.
"""

from __future__ import annotations

import csv
from pathlib import Path

from bascule.control.access import user

_FEWEST, _MOST = 3, 4


class BadFile(ValueError):
    """The file is not of that form; the message says where."""


def read(path: Path) -> dict[str, user.User]:
    """Raises BadFile, and OSError where there is no such file."""
    found: dict[str, user.User] = {}
    with path.open(newline="") as text:
        for line in csv.reader(text, skipinitialspace=True):
            if not line:
                continue
            if not _FEWEST <= len(line) <= _MOST or not line[0] or not line[1]:
                raise BadFile(f'{path}: a line must be token,user,uid and optionally "group1,group2"')
            if line[0] in found:
                raise BadFile(f"{path}: one token is given to {found[line[0]].name!r} and to {line[1]!r}")
            groups = [group.strip() for group in (line[3] if len(line) == _MOST else "").split(",")]
            known = [group for group in groups if group and group != user.AUTHENTICATED]
            found[line[0]] = user.User(line[1], (*known, user.AUTHENTICATED), line[2])
    return found
