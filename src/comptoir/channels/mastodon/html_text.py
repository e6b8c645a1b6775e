"""The HTML of a post as plain text. Pure, linear, and no sanitiser: the result is text.

Servers of this network send a small HTML: paragraphs, line breaks, links whose middle alone is shown, lists, quotes.
"""

import html as _html
import re

_BREAK = re.compile(r"(?i)<br\b[^>]*>")
_PARAGRAPH = re.compile(r"(?i)</?(?:p|blockquote|pre|ul|ol|h[1-6])\b[^>]*>")
_ITEM = re.compile(r"(?i)<li\b[^>]*>")
_SILENT = re.compile(r"(?is)<(script|style)\b[^>]*>.*?</\1\s*>")
_TAG = re.compile(r"<[a-zA-Z/!][^>]*>")
_LINES = re.compile(r"[ \t]*\n[ \t\n]*\n[ \t]*")
_FIRST_MENTIONS = re.compile(r"(?:@[\w.-]+(?:@[\w.-]+)?[ \t\xa0]*)+\n*")


def html_to_text(html: str) -> str:
    """Return the visible text: paragraphs apart by a blank line, entities resolved."""
    text = html.replace("\r\n", "\n").replace("\n", " ")
    if text.count("</") < 2000:  # a search for the end of each of a million scripts would take for ever
        text = _SILENT.sub("", text)
    text = _BREAK.sub("\n", text)
    text = _ITEM.sub("\n- ", text)
    text = _PARAGRAPH.sub("\n\n", text)
    text = _html.unescape(_TAG.sub("", text)).replace("\xa0", " ").replace("\0", "")
    return _LINES.sub("\n\n", text).strip()


def without_mentions(text: str) -> str:
    """Return a text without the names at its beginning: '@brand hello' says 'hello'."""
    found = _FIRST_MENTIONS.match(text)
    return text[found.end() :].strip() if found else text
