"""Which kinds a cluster serves: built-ins in all, custom ones in their own, forgotten when definitions change."""

from typing import Any, cast

import orjson

from bascule.client import api
from bascule.control.controllers import ownership, served_kinds
from bascule.vocabulary import builtins, resources

GROUP = "stable.example.com"


class Discovery:
    """Answers legacy discovery: crontabs are namespaced in `blue` and not in `green`."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def raw(self, method: str, path: str, **options: Any) -> bytes:
        self.asked.append(path)
        if path.endswith("/apis"):
            return orjson.dumps({"groups": [{"versions": [{"groupVersion": f"{GROUP}/v1"}]}]})
        row = {"name": "crontabs", "kind": "CronTab", "namespaced": "blue" in path, "verbs": ["list"]}
        return orjson.dumps({"resources": [row] if GROUP in path else []})


async def test_a_custom_kind_is_what_its_cluster_says() -> None:
    discovery = Discovery()
    kinds = served_kinds.ServedKinds(cast("api.Client", discovery))
    assert await kinds.row("blue", "v1", "Pod") is builtins.PODS
    assert discovery.asked == []
    rows = [await kinds.row(cluster, f"{GROUP}/v1", "CronTab") for cluster in ("blue", "green", "blue")]
    assert [row.namespaced for row in rows if row is not None] == [True, False, True]
    assert len(discovery.asked) == 2 * 3
    assert await kinds.row("blue", f"{GROUP}/v2", "CronTab") is None
    kinds.forget()
    await kinds.row("blue", f"{GROUP}/v1", "CronTab")
    assert len(discovery.asked) == 3 * 3


def test_an_object_is_where_its_key_says_whatever_another_cluster_does_with_the_kind() -> None:
    row = resources.Resource(GROUP, "v1", "crontabs", "CronTab", namespaced=False)
    obj: dict[str, Any] = {"metadata": {"name": "a", "namespace": "default", "uid": "u"}}
    assert ownership.item(row, obj).resource.namespaced
    del obj["metadata"]["namespace"]
    assert ownership.item(row, obj).resource is row
