"""Discovery: the aggregated documents and the legacy ones say the same."""

from typing import Any, cast

import orjson

from bascule.client import api, discovery
from bascule.control.api.documents import discovery as served
from bascule.vocabulary import builtins


class Server:
    """Answers from the API server's own documents; `aggregated` says whether it knows the newer ones."""

    def __init__(self, *, aggregated: bool) -> None:
        self._documents = served.Documents(builtins.REGISTRY, "127.0.0.1:1")
        self._aggregated = aggregated
        self.asked = 0

    async def raw(self, method: str, path: str, accept: str = "", **options: Any) -> bytes:
        self.asked += 1
        answer = self._documents.answer(path, accept if self._aggregated else "")
        assert answer is not None, path
        return answer[0]


async def test_both_kinds_of_documents_make_the_same_rows() -> None:
    newer, older = Server(aggregated=True), Server(aggregated=False)
    found = [await discovery.discover(cast("api.Client", server)) for server in (newer, older)]
    assert found[0] == found[1]
    assert (newer.asked, older.asked > 20) == (2, True)
    preferred = {row.qualified: row.version for row in discovery.preferred(found[0].rows)}
    assert (preferred["pods"], preferred["horizontalpodautoscalers.autoscaling"]) == ("v1", "v2")
    assert "events.events.k8s.io" not in preferred
    assert orjson.loads(await newer.raw("GET", "/apis"))["kind"] == "APIGroupList"
