"""A node's certificate over time: renewed at half its life, and made to outlive the outage its operator declares.

At the last moment before its renewal half of its life is left: so a life is twice the offline grace, and some more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import grpc

from bascule.bridge import transport
from bascule.bridge.identity import authority, faults, nodes
from bascule.vocabulary import clock as clocks

OFFLINE_GRACE_SECONDS = 7 * authority.DAY_SECONDS
CHECK_SECONDS = 60.0
LIFETIME_METADATA = "bascule-lifetime-seconds"

_log = logging.getLogger(__name__)


def lifetime_seconds(offline_grace_seconds: int) -> int:
    """How long a certificate has to be good for."""
    return 2 * offline_grace_seconds + authority.DAY_SECONDS


class Renewing:
    def __init__(
        self, node: str, credentials: transport.Credentials, offline_grace_seconds: int, clock: clocks.Clock
    ) -> None:
        self._node = node
        self._directory = credentials.certificate.parent
        self._wanted_seconds = lifetime_seconds(offline_grace_seconds)
        self._clock = clock
        self._lengthened = False

    async def run(self, channel: Any, on_renewed: Callable[[datetime], None]) -> None:
        """Over one connection, trying again as long as it takes."""
        renew = channel.unary_unary(transport.RENEW)
        while True:
            try:
                identity = nodes.load(self._directory)
                if identity is not None and self._due(identity):
                    request = nodes.request(nodes.ensure_key(self._directory), self._node)
                    answer = await renew(
                        request,
                        timeout=transport.SEND_TIMEOUT_SECONDS,
                        metadata=((LIFETIME_METADATA, str(self._wanted_seconds)),),
                    )
                    renewed = nodes.save(self._directory, answer)
                    self._lengthened = True
                    expires = renewed.certificate.not_valid_after_utc
                    on_renewed(expires)
                    _log.info("certificate renewed", extra={"node": self._node, "expires": f"{expires:%Y-%m-%d %H:%M}"})
            except (grpc.aio.AioRpcError, OSError, faults.IdentityError) as error:
                _log.warning("certificate not renewed yet", extra={"node": self._node, "error": str(error)})
            await self._clock.sleep(CHECK_SECONDS)

    def _due(self, identity: nodes.NodeIdentity) -> bool:
        """At half its life; or when it is too short for the outage declared, once: the authority may grant no more."""
        if identity.needs_renewal(self._clock):
            return True
        certificate = identity.certificate
        life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        return not self._lengthened and life.total_seconds() < self._wanted_seconds
