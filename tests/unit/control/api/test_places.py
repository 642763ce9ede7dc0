"""A path cut at its last name leads where the whole path does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.api import places, route
from tests.unit.control.api import harness

WORDS = ["configmaps", "pods", "deployments", "nodes", "namespaces"]
ODD_WORDS = [
    "v1",
    "x",
    "default",
    "watch",
    "status",
    "proxy",
    "",
    ".",
    "..",
    "a%2Fb",
    "%70ods",
    "finalize",
    "clusters",
    "*",
]
STARTS = ["", "/api/v1", "/api/v1/namespaces/default", "/apis/apps/v1", "/clusters/a/api/v1", "/clusters/*/api/v1"]
STARTS += ["/apis/apps/v1/namespaces/a.b", "/api/v1/namespaces/a%2Fb"]


async def test_a_place_and_a_name_are_the_route_of_the_whole(api: harness.Api) -> None:
    found = places.Places(api.platform.endpoints)

    @given(
        st.sampled_from(STARTS),
        st.one_of(
            st.sampled_from(WORDS).map(lambda word: [word]), st.lists(st.sampled_from(WORDS + ODD_WORDS), max_size=4)
        ),
        st.sampled_from([*WORDS, *(word for word in ODD_WORDS if word and "%" not in word)]),
    )
    def check(start: str, words: list[str], name: str) -> None:
        path = "/".join([start, *words])
        place = found.find(path)
        if place is None:
            return
        whole = route.parse(f"{path}/{name}")
        assert api.platform.endpoints[whole.group, whole.version, whole.plural] is place.endpoint
        assert (whole.cluster, whole.namespace, whole.name) == (place.cluster, place.namespace, name)
        assert (whole.subresource, whole.tail, whole.watch) == ("", "", False)
        assert whole.namespaced == place.endpoint.resource.namespaced

    check()


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/pods",
        "/api/v1/namespaces/default/nodes",
        "/api/v1/watch/namespaces/default/pods",
        "/api/v1/pods/x/status",
    ],
)
async def test_what_is_no_place(api: harness.Api, path: str) -> None:
    assert places.Places(api.platform.endpoints).find(path) is None


@pytest.mark.parametrize(
    ("path", "plural", "cluster", "namespace"),
    [
        ("/api/v1/namespaces/default/pods", "pods", "root", "default"),
        ("/api/v1/nodes", "nodes", "root", ""),
        ("/api/v1/namespaces", "namespaces", "root", ""),
        ("/clusters/a/apis/apps/v1/namespaces/b/deployments", "deployments", "a", "b"),
    ],
)
async def test_what_is_a_place(api: harness.Api, path: str, plural: str, cluster: str, namespace: str) -> None:
    found = places.Places(api.platform.endpoints).find(path)
    assert found is not None
    assert (found.endpoint.resource.plural, found.cluster, found.namespace) == (plural, cluster, namespace)
