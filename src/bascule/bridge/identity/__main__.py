"""`python -m bascule.bridge.identity`: makes a data directory's identities, for a server that need not know how.

The server's process would keep the libraries for keys and certificates in its memory, though it may never sign again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bascule.bridge.identity import faults, pki
from bascule.vocabulary import clock

_EXIT_BAD_SETUP = 2


def main() -> None:
    out = argparse.ArgumentParser(prog="bascule.bridge.identity", description=__doc__)
    out.add_argument("--data-dir", type=Path, required=True)
    out.add_argument("--server", required=True, help="URL for kubeconfigs")
    out.add_argument("--name", action="append", default=[], help="a further host name or address of the server")
    out.add_argument("--service-cidr", required=True)
    wanted = out.parse_args()
    time = clock.SystemClock()
    try:
        pki.ensure(
            wanted.data_dir, clock=time, server=wanted.server, names=wanted.name, service_range=wanted.service_cidr
        )
    except (faults.IdentityError, OSError) as error:
        sys.stderr.write(str(error))
        sys.exit(_EXIT_BAD_SETUP)


if __name__ == "__main__":
    main()
