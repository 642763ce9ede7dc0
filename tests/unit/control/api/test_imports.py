"""What a server that nobody asked anything yet has in memory: large libraries come with the first who needs them."""

import subprocess
import sys

DEFERRED = (
    "bascule.bridge.identity.service_account_keys",
    "bascule.control.cel",
    "bascule.control.custom.rules",
    "bascule.control.kinds.custom_kinds",
    "bascule.control.store.memory",
    "click",
    "cryptography",
    "jwt",
    "msgspec",
    "re2",
    "yaml",
)


def test_what_few_need_is_not_imported_for_all() -> None:
    program = "import sys, bascule.control.api.__main__; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "bascule.control.api.assembly" in loaded
    assert not set(DEFERRED) & set(loaded)
