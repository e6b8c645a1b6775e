"""HTML to plain text in one linear pass, and the same without what quotes an earlier mail.

Not a sanitiser: the result is text. Hostile input (unclosed quotes, comments, a million tags) costs no more than
its length: once a closing character was not found, it is not looked for again.
"""

import html as _html
import re

# A quote opens a value only after '=', as in browsers; possessive, so that nothing is tried twice.
_TAG = re.compile(
    r"""<(?:(/?)([a-zA-Z][a-zA-Z0-9:_-]*+)((?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+)>|(!--)|[!?/][^>]*+>)"""
)
_TAG_UNQUOTED = re.compile(r"<(?:(/?)([a-zA-Z][a-zA-Z0-9:_-]*+)([^>]*+)>|(!--)|[!?/][^>]*+>)")
_MAX_FAILURES = 20  # tags that do not end; then quotes mean nothing any more, which makes every '>' an end
_BLANKS = re.compile(r"[ \t\r\n\f\v\xa0]+")
_TITLE = re.compile(r"(?i)<title>([^<]{1,500})</title>")
_LAYOUT = re.compile(r"[ \t]*[\x02\x03\n][ \t\x02\x03\n]*")
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad\u034f]+")

# What ends a line, what stands apart by a blank line, and what has no text of its own.
_LINE = frozenset(
    "div tr li ul ol dl dt dd table tbody thead tfoot header footer section article aside main nav form fieldset "
    "address center hr figure figcaption legend option caption body html head".split()
)
_PARAGRAPH = frozenset("p h1 h2 h3 h4 h5 h6 blockquote pre".split())
_CELL = frozenset({"td", "th"})
_SILENT = frozenset({"script", "style", "title", "xml", "template", "textarea", "noscript", "object", "iframe"})
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())

_LINE_MARK, _PARAGRAPH_MARK, _KEPT_BLANK = "\x02", "\x03", "\x04"

# Classes and identifiers by which mail programs mark what they quote, or the writer's signature.
_QUOTE_MARK = re.compile(
    r"""(?ix) \b(?:class|id|name|data-marker|data-smartmail)\s*=\s*["']?[^"'>]*?(?<![\w-])(?:
      gmail_attr | gmail_signature | yahoo_quoted | yahoo_quote | moz-cite-prefix | moz-signature
    | moz-forward-container | protonmail_quote | protonmail_signature_block | zmail_extra | tutanota_quote
    | tutanota_signature | isreplycontent
    | ms-outlook-mobile-signature | applemailsignature | apple-mail-signature | signature | signature_block
    | olk_src_body_section | mail-editor-reference-message-container | __QUOTED_TEXT__ | quoted-content
    | outlookmobile-signature | hm_signature | front-blockquote | front-signature | freshdesk_quote | zendesk_quote
    | wisestamp_signature | stopspelling_signature | crisp-quote | reply-quote | email-quote | ox-[0-9a-f]+-signature
    )(?![\w-])"""
)
# From here to the end of the mail is an earlier mail.
_REST_MARK = re.compile(
    r"""(?ix) \b(?:class|id)\s*=\s*["']?[^"'>]*?(?<![\w-])(?:
      outlookmessageheader | (?:x_)*divrplyfwdmsg | (?:x_)*appendonsend | reply-above-this-line
    )(?![\w-])"""
)


def html_to_text(html: str) -> str:
    """Return the visible text: paragraphs apart, cells separated by a blank, entities resolved."""
    return _lay_out(_Walker(html, without_quotes=False).walk())


def html_to_own_text(html: str) -> str:
    """Return the visible text without the elements that quote an earlier mail or hold a signature."""
    return _lay_out(_Walker(html, without_quotes=True).walk())


def html_title(html: str) -> str:
    """Return the title of a page that shows no text at all."""
    found = _TITLE.search(html[:20_000])
    return " ".join(_html.unescape(found[1]).split()) if found else ""


class _Walker:
    """One pass over the tags; `out` collects texts and layout marks."""

    def __init__(self, html: str, *, without_quotes: bool) -> None:
        self.html = html
        self.without_quotes = without_quotes
        self.out: list[str] = []
        self.skipping = ""  # the element whose content is left out, and how many of its kind are open
        self.open_count = 0
        self.in_pre = 0
        self.never_closed: set[str] = set()

    def walk(self) -> list[str]:
        html, out = self.html, self.out
        pattern, failures, pos = _TAG, 0, 0
        last_end = html.rfind(">")
        while True:
            at = html.find("<", pos, last_end + 1)
            if not self.skipping and at != pos:
                out.append(_text(html[pos:at] if at >= 0 else html[pos:], kept=self.in_pre > 0))
            if at < 0:
                return out
            match = pattern.match(html, at)
            if match is None:
                failures += 1
                if failures > _MAX_FAILURES:
                    pattern = _TAG_UNQUOTED
                if not self.skipping:
                    out.append("<")
                pos = at + 1
                continue
            if match[2]:
                pos = self._tag(match)
                if pos < 0:
                    return out
            else:
                pos = self._close_of("-->", match.end()) if match[4] else match.end()

    def _close_of(self, end: str, pos: int) -> int:
        """Return the position after `end`, or after the next '>' where it never comes."""
        if end not in self.never_closed:
            found = self.html.find(end, pos)
            if found >= 0:
                return found + len(end)
            self.never_closed.add(end)
        return pos

    def _tag(self, match: re.Match[str]) -> int:
        """Handle one tag; return where to go on, -1 to stop."""
        name = match[2].lower()
        closing = match[1] == "/"
        if self.skipping:
            if name == self.skipping:
                self.open_count += -1 if closing else 1
                if not self.open_count:
                    self.skipping = ""
                    self.out.append(_LINE_MARK)
            return match.end()
        if name in _SILENT and not closing:
            return self._after_silent(name, match.end())
        if self.without_quotes and not closing and name not in _VOID:
            attributes = match[3][:2_000]
            if name == "blockquote" or (attributes and _QUOTE_MARK.search(attributes)):
                self.skipping, self.open_count = name, 1
                self.out.append(_LINE_MARK)
                return match.end()
            if attributes and _REST_MARK.search(attributes):
                return -1
        if name == "br":
            self.out.append("\n")
        elif name in _LINE:
            self.out.append(_LINE_MARK)
        elif name in _PARAGRAPH:
            self.out.append(_PARAGRAPH_MARK)
            if name == "pre":
                self.in_pre = max(0, self.in_pre + (-1 if closing else 1))
        elif name in _CELL:
            self.out.append(" ")
        return match.end()

    def _after_silent(self, name: str, pos: int) -> int:
        """Return where a script, a style or the like ends; one that never ends hides nothing."""
        end = self._close_of("</" + name, pos)
        if end == pos:
            end = self._close_of("</" + name.upper(), pos)
        stop = self.html.find(">", end) if end != pos else -1
        return stop + 1 if stop >= 0 else end


def _text(text: str, *, kept: bool) -> str:
    if "&" in text:
        text = _html.unescape(text)
    if kept:
        return text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ").replace(" ", _KEPT_BLANK)
    return _BLANKS.sub(" ", text)


def _lay_out(pieces: list[str]) -> str:
    text = "".join(pieces)
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
    text = _LAYOUT.sub(_line_breaks, text)
    text = re.sub(r"  +", " ", text)
    return text.replace(_KEPT_BLANK, " ").strip(" \n")


def _line_breaks(match: re.Match[str]) -> str:
    """Fold a run of marks: a block begins a line, a paragraph leaves one blank line, at most one is kept."""
    lines = 0
    for mark in match.group():
        if mark == "\n" or (mark == _LINE_MARK and not lines):
            lines += 1
        elif mark == _PARAGRAPH_MARK:
            lines = max(lines, 2)
        if lines >= 2:
            return "\n\n"
    return "\n" * lines
