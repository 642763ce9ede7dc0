"""CertificateSigningRequests of nodes: who is approved without a human, and the signing itself.

A bootstrap token's user may ask for exactly `system:node:<name>`; a node may renew its own. Everything else waits for
an approval by somebody with the right to give it. Pure: the API server calls `process` on create and on approval.
"""

from bascule.bridge.identity import authority
from bascule.control.access import reader
from bascule.vocabulary import clock, objects


def process(
    csr: objects.Object, source: reader.Reader, ca: authority.Authority, time: clock.Clock, *, cluster: str
) -> None:
    """Approves and signs in place, where that is right; otherwise leaves the object alone. Never raises for a bad
    request: the reason becomes a Failed or Denied condition.
    """
