"""What the server agrees to when a connection is made."""

import ssl
from pathlib import Path

from bascule.bridge.identity import pki
from bascule.control.api.wire import server
from bascule.vocabulary import clock


def test_who_has_no_certificate_may_connect_and_nobody_gets_tickets(tmp_path: Path) -> None:
    layout = pki.ensure(tmp_path, clock=clock.SystemClock(), server="https://127.0.0.1:1", names=[])
    context = server.tls_context(*layout.api_serving, layout.ca)
    assert context.verify_mode == ssl.CERT_OPTIONAL
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.num_tickets == 0
