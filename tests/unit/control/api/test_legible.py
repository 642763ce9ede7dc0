"""JSON is indented for people and compact for programs."""

import pytest

from tests.unit.control.api import harness

PATH = "/api/v1/namespaces/default"


@pytest.mark.parametrize(
    ("query", "agent", "indented"),
    [
        ("", "kubectl/v1.36.0", False),
        ("", "curl/8.0", True),
        ("", "Wget/1.2", True),
        ("", "Mozilla/5.0 (X11)", True),
        ("?pretty=true", "kubectl/v1.36.0", True),
        ("?pretty=0", "curl/8.0", False),
        ("?pretty=", "curl/8.0", True),
    ],
)
async def test_who_reads_decides(api: harness.Api, query: str, agent: str, indented: bool) -> None:
    for path in (PATH, "/api/v1", "/api/v1/namespaces", f"{PATH}/pods/nobody"):
        sent = {"Authorization": "Bearer admin", "User-Agent": agent}
        async with api.session.get(f"{api.url}{path}{query}", headers=sent) as answer:
            text = await answer.text()
        assert ('\n  "kind": "' in text) is indented, text
        assert text.endswith("}\n")


async def test_what_is_no_json_stays(api: harness.Api) -> None:
    headers = {"Authorization": "Bearer admin", "User-Agent": "curl/8.0", "Accept": "application/yaml"}
    async with api.session.get(api.url + PATH, headers=headers) as answer:
        assert "kind: Namespace" in await answer.text()
