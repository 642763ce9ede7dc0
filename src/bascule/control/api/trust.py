"""aiohttp, imported without the authorities that the system trusts: imported before anything else that imports it.

It reads them twice as it is imported, which is 70 ms and 2 MB of every start. Nobody in this process relies on them:
whoever speaks TLS brings a context of his own, be it to the bridgeheads, to webhooks or to pods.
"""

from __future__ import annotations

import ssl


def _nothing(*_: object) -> None:
    pass


def _import() -> None:
    kept = ssl.SSLContext.load_default_certs
    setattr(ssl.SSLContext, "load_default_certs", _nothing)  # noqa: B010 - not as a method is assigned
    setattr(ssl.SSLContext, "set_default_verify_paths", _nothing)  # noqa: B010 - it hides the inherited one
    try:
        import aiohttp  # noqa: F401
    finally:
        setattr(ssl.SSLContext, "load_default_certs", kept)  # noqa: B010
        delattr(ssl.SSLContext, "set_default_verify_paths")


_import()
