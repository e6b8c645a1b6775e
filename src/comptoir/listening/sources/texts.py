"""The words of a piece of HTML, for texts that are matched and shown as plain text. Pure."""

from html.parser import HTMLParser

_BREAKS = frozenset({"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "article", "ul"})
_UNSEEN = frozenset({"script", "style", "template", "head", "title"})
LONGEST = 200_000  # characters of HTML that are read


class _Words(HTMLParser):
    """Gathers what a reader would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in _BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)


def text_of_html(html: str) -> str:
    """Return the text of some HTML, a paragraph a line; plain text passes with its line breaks as spaces."""
    words = _Words()
    words.feed(html[:LONGEST])
    words.close()
    lines = ("".join(line.split("\x00")) for line in "".join(words.parts).split("\n"))
    return "\n".join(kept for line in lines if (kept := " ".join(line.split())))
