"""Markdown as safe HTML: for guides of ours, and for what colleagues write. Raw HTML in it is shown, never run."""

from functools import lru_cache

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

TAGS = {
    "p", "br", "h2", "h3", "h4", "strong", "em", "s", "code", "pre", "ul", "ol", "li", "blockquote", "a", "hr", "table",
    "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "typographer": False}).enable("table").enable("strikethrough")


def html_of(text: str) -> SafeString:
    """Return a Markdown text as HTML. Its first heading is a second-level one: the page has the first."""
    drawn = _reader().render(text).replace("<h1>", "<h2>").replace("</h1>", "</h2>")
    clean = nh3.clean(drawn, tags=TAGS, attributes={"a": {"href"}}, url_schemes={"https", "http", "mailto"})
    return mark_safe(clean)  # noqa: S308  # cleaned the line above
