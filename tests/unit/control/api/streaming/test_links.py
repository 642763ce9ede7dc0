"""Pages seen through the proxy: which links change, and that nothing else does."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bascule.control.api.streaming import links

VIEW = links.View("/p/proxy", "10.0.0.1:80", "api:6443")


@pytest.mark.parametrize(
    ("link", "rewritten"),
    [
        ("/a", "/p/proxy/a"),
        ("/a/", "/p/proxy/a/"),
        ("/", "/p/proxy/"),
        ("/a?b=/c#d", "/p/proxy/a?b=/c#d"),
        ("a/b", "a/b"),
        ("../x", "../x"),
        ("#top", "#top"),
        ("/p/proxy/a", "/p/proxy/a"),
        ("http://10.0.0.1:80/a", "/p/proxy/a"),
        ("https://api:6443/a", "https://api:6443/p/proxy/a"),
        ("http://example.com/a", "http://example.com/a"),
        ("//example.com/a", "//example.com/a"),
        ("http://[bad/a", "http://[bad/a"),
        ("javascript:x()", "javascript:x()"),
    ],
)
def test_only_absolute_paths_of_the_backend_change(link: str, rewritten: str) -> None:
    assert VIEW.rewrite(link) == rewritten


@pytest.mark.parametrize(
    ("page", "rewritten"),
    [
        ('<a class="x" href="/a">', '<a class="x" href="/p/proxy/a">'),
        ("<a href='/a' title='/b'>", "<a href=\"/p/proxy/a\" title='/b'>"),
        ("<img src=/a.png longdesc = /b>", '<img src="/p/proxy/a.png" longdesc="/p/proxy/b">'),
        ("<p href='/a'></p><a>", "<p href='/a'></p><a>"),
        ("<!-- <a href='/a'> --><br>", "<!-- <a href='/a'> --><br>"),
        ("<script src='/s'>'<a href=\"/a\">'</script>", '<script src="/p/proxy/s">\'<a href="/a">\'</script>'),
        ("1 < 2 <a href=/x", "1 < 2 <a href=/x"),
    ],
)
def test_only_attributes_that_hold_links_change(page: str, rewritten: str) -> None:
    assert links.rewritten(page, VIEW.rewrite) == rewritten


@given(some.text("<>a href=\"'/!-script \n", max_size=200))
def test_what_is_not_rewritten_stays_as_it_was(page: str) -> None:
    assert links.rewritten(page, lambda link: link) == page


@pytest.mark.parametrize("piece", ["<a ", "<a href='", "<!--", "<script>", "< ", "<a b=c ", '<a href="x" '])
def test_no_page_takes_long(piece: str) -> None:
    begun = time.process_time()
    links.rewritten(piece * (1_000_000 // len(piece)), VIEW.rewrite)
    assert time.process_time() - begun < 3
