"""Links of a page seen through the proxy: those to the backend itself go on through the proxy. Pure.

Only absolute paths need it; what names another host, or is relative, stays as it is. Of a page only the values of
attributes that hold links are touched; scripts, styles and comments are not looked into.
"""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

_ATTRIBUTES: Final[dict[str, frozenset[str]]] = {
    name: frozenset(values.split())
    for name, values in {
        "a": "href",
        "applet": "codebase",
        "area": "href",
        "audio": "src",
        "base": "href",
        "blockquote": "cite",
        "body": "background",
        "button": "formaction",
        "command": "icon",
        "del": "cite",
        "embed": "src",
        "form": "action",
        "frame": "longdesc src",
        "head": "profile",
        "html": "manifest",
        "iframe": "longdesc src",
        "img": "longdesc src usemap",
        "input": "src usemap formaction",
        "ins": "cite",
        "link": "href",
        "object": "classid codebase data usemap",
        "q": "cite",
        "script": "src",
        "source": "src",
        "video": "poster src",
    }.items()
}
_RAW: Final = frozenset({"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "noscript"})
_TAG: Final = re.compile(r"""<([a-zA-Z][^\s/>]*+)((?:"[^"]*+"|'[^']*+'|[^'">])*+)>""")
_ATTRIBUTE: Final = re.compile(r"""([^\s"'<>/=]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""")


class View(NamedTuple):
    """`prefix` is the proxy's path; `backend` and `host` are the authorities that both mean the backend."""

    prefix: str
    backend: str
    host: str

    def rewrite(self, link: str) -> str:
        """The link as it works through the proxy; unchanged where it does already or cannot be read."""
        try:
            parts = urlsplit(link)
        except ValueError:
            return link
        if parts.netloc not in ("", self.backend, self.host) or not parts.path.startswith("/"):
            return link
        if parts.netloc != self.host or not parts.netloc:
            parts = parts._replace(scheme="", netloc="")
        if not parts.path.startswith(self.prefix):
            parts = parts._replace(path=joined(self.prefix, parts.path))
        return urlunsplit(parts)


def joined(prefix: str, path: str) -> str:
    """Both as one clean path, which ends in a slash where `path` does."""
    whole = posixpath.normpath(f"{prefix}/{path}").replace("//", "/")
    return whole + "/" if path.endswith("/") and whole != "/" else whole


def rewritten(page: str, rewrite: Callable[[str], str]) -> str:
    """The page with its links rewritten; what is no tag, or a tag without an end, stays as it is. Linear."""
    parts: list[str] = []
    at = 0
    while (begin := page.find("<", at)) >= 0:
        parts.append(page[at:begin])
        if page.startswith("<!--", begin):
            end = page.find("-->", begin + 4)
            at = end + 3 if end >= 0 else len(page)
            parts.append(page[begin:at])
            continue
        found = _TAG.match(page, begin)
        if found is None:
            if page[begin + 1 : begin + 2].isalpha():  # A tag without an end: it takes all the rest.
                parts.append(page[begin:])
                return "".join(parts)
            parts.append("<")
            at = begin + 1
            continue
        name = found[1].lower()
        parts.append(_tag(found, _ATTRIBUTES.get(name), rewrite))
        at = found.end()
        if name in _RAW:
            closing = re.compile(f"</{name}", re.IGNORECASE).search(page, at)
            end = closing.start() if closing is not None else len(page)
            parts.append(page[at:end])
            at = end
    parts.append(page[at:])
    return "".join(parts)


def _tag(tag: re.Match[str], holding: frozenset[str] | None, rewrite: Callable[[str], str]) -> str:
    if holding is None:
        return tag[0]

    def attribute(found: re.Match[str]) -> str:
        if found[1].lower() not in holding:
            return found[0]
        value = next(group for group in found.groups()[1:] if group is not None)
        link = html.unescape(value)
        now = rewrite(link)
        return found[0] if now == link else f'{found[1]}="{html.escape(now)}"'

    return f"<{tag[1]}{_ATTRIBUTE.sub(attribute, tag[2])}>"
