"""What the writer added, apart from what they quote: the earlier mails under or above their answer, and the signature.

A wrong cut hides a customer's words, so when in doubt more is shown: quotes with answers between them stay, a mail
that is nothing but a forward stays, and 'my answers below' keeps everything. Linear in the length of the text: each
line is looked at once, with its first few hundred characters, and a wrapped announcement spans at most six lines.
"""

import re
from dataclasses import dataclass

from .html_text import html_to_own_text, html_to_text
from .trim_words import (
    BEGINS,
    DATE_LIKE,
    DEVICE,
    HEADER,
    HEADER_LINE,
    INLINE,
    MOBILE,
    MOBILE_HINT,
    REPLY_ABOVE,
    REPLY_HINT,
    SEPARATOR,
    SEPARATOR_HINT,
    WROTE,
    WROTE_STEMS,
)

_LOOKED_AT = 400  # characters of a line that decide what it is
_ANNOUNCEMENT_LINES = 6  # 'On … wrote:' wrapped by narrow mail programs, blank lines included
_ANNOUNCEMENT_LENGTH = 400
_NAME_WORDS = 8
_CONTACT_LINES = 6
_MAX_CANDIDATES = 500  # lines ending like an announcement; long honest threads have some dozens
_SIGNATURE_LINES = 25  # under '--'; a longer tail is no signature
_SHORT_TAIL_LINES = 8  # under a ruler of underscores
_INLINE_HINT_LENGTH = 300

# The kinds of lines, one letter each, so that a mail's shape is a string.
_EMPTY, _TEXT, _QUOTE, _ANNOUNCE, _SEPARATE, _HEADER = "e", "t", "q", "a", "s", "h"
_RULER, _UNDERSCORES, _DASHES, _MOBILE_SIGN = "r", "u", "d", "m"

_RULER_CHARACTERS = "-_=*~#+—–―─━•·ᐧ \t\xa0"
_INITIALS = re.compile(r"^[A-Z][A-Za-z]{0,3}>(?:[ >]|$)")
_LONGEST_FIRST = sorted(WROTE, key=len, reverse=True)
_WROTE = re.compile(
    rf"(?i)(?<!\w)(?:{'|'.join(re.escape(w) for w in _LONGEST_FIRST if w < 'ऀ')})(?!\w)"
    rf"|(?:{'|'.join(re.escape(w) for w in _LONGEST_FIRST if w >= 'ऀ')})"  # scripts that put no blank between words
)
_NAME_FOLLOWS = frozenset({"schrieb", "schreef", "skrev"})  # the verbs behind which the name stands
_BEGINS = re.compile(
    "(?i)^[\\s*\"'<(]{0,3}(?:" + "|".join(re.escape(b) for b in sorted(BEGINS, key=len, reverse=True)) + "|\\d)"
)
_DATE_FIRST = re.compile(
    r"^\d{4}[-/.]\d{1,2}[-/.]\d{1,2},? \d{1,2}:\d{2}(?::\d\d)?\s+"
    r"(?:\(?(GMT|UTC)\s?[+-]\d{1,2}:?\d{0,2}\)?|[+-]\d{2}:?\d{2})\s*:?\s*\S"
)
# Gmail in Russian, Japanese and others: date, time, name, address, colon, and no verb.
_NO_VERB = re.compile(r"^.{0,60}?\d{4}.{0,40}?\d{1,2}[:.]\d{2}.{0,160}<[^<>\s]+@[^<>\s]+>\s*[:：]$")
_ZOHO = re.compile(r"^-{2,}\s*\S.{8,300}\S\s*-{2,}$")
_ADDRESS = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{1,100}")
_NAME_FIRST = re.compile(r"^[\s*\"'„“(]{0,3}[^<>:]{0,80}[<\[(]?[^\s<>@]{1,64}@[^\s<>@]{1,100}")
_CONTACT = re.compile(r"(?i)\+?\d[\d .()/-]{7,}\d|www\.|https?://|@[\w-]+\.\w|\b(?:tél|tel|phone|fax|mobile?)\b\s*[.:]")
_QUOTING = re.compile(r"(?i)^(?:quoting|zitat von|citando a?|citaat van|citat från|citation de|selon) \S.{1,100}:$")
_SENTENCE_END = re.compile(r"(?:(?<!\d)\.|[!?:;])$")  # '28.' at the end of a line is a date


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What to show, and what is folded away (one click shows the whole mail)."""

    visible: str
    elided: str


def trim_text(text: str) -> Trimmed:
    """Split a plain text into what its writer added and what they quoted or signed."""
    lines = text.replace("\r\n", "\n").split("\n")
    kinds = _classify(lines)
    keep = _own_lines(kinds)
    if 0 < len(keep) < len(lines) and _points_below([lines[i] for i in keep]):
        keep = list(range(len(lines)))
    kept = set(keep)
    visible = "\n".join(lines[i].rstrip() for i in keep).strip("\n")
    elided = "\n".join(line.rstrip() for i, line in enumerate(lines) if i not in kept).strip("\n")
    return Trimmed(visible, elided)


def trim_html(html: str) -> str:
    """Return the text of an HTML mail without what it quotes and without its signature."""
    own = trim_text(html_to_own_text(html)).visible
    if own:
        return html_to_text(html) if _points_below(own.split("\n")) else own
    # Nothing but a quote is empty; nothing but a forward, or a signature, is what was sent.
    return "" if _is_only_quote(html) else trim_text(html_to_text(html)).visible


def _is_only_quote(html: str) -> bool:
    return "<blockquote" in html.lower() or "quote" in html.lower()


def _points_below(lines: list[str]) -> bool:
    text = " ".join(line.strip() for line in lines if line.strip())
    return len(text) <= _INLINE_HINT_LENGTH and INLINE.search(text) is not None


# --- what each line is ----------------------------------------------------------------------------------------------


def _classify(lines: list[str]) -> str:
    short = [line[:_LOOKED_AT].replace("\xa0", " ").replace("\u202f", " ").strip() for line in lines]
    kinds = [_kind(line) for line in short]
    looked_at = 0
    for index, line in enumerate(short):
        if not line:
            continue
        last = line[-1]
        if looked_at > _MAX_CANDIDATES:
            break
        if last in ":：-*_" and (kinds[index] in "thr" or (kinds[index] == _QUOTE and _WROTE.match(line.lstrip("> ")))):
            looked_at += 1
            start = _announcement_start(short, kinds, index)
            if start >= 0:
                kinds[start : index + 1] = _ANNOUNCE * (index + 1 - start)
        elif line[0].isdigit() and (match := _DATE_FIRST.match(line)) and match[1] and kinds[index] == _TEXT:
            kinds[index] = _ANNOUNCE
    _mark_last_ruler(short, kinds)
    return "".join(kinds)


def _mark_last_ruler(lines: list[str], kinds: list[str]) -> None:
    """Take a ruler for the begin of a signature where only a few lines follow, with a number or an address in them."""
    below: list[str] = []
    for index in range(len(lines) - 1, 0, -1):
        if kinds[index] == _RULER and len(lines[index]) > 2 and below:
            # Right under a line it underlines a title; of '=' or '#' it is a form's.
            is_apart = not lines[index - 1] and lines[index][0] not in "=#+"
            if is_apart and any(_CONTACT.search(line) for line in below) and not any("?" in line for line in below):
                kinds[index] = _UNDERSCORES
            return
        if lines[index] and kinds[index] != _RULER:
            below.append(lines[index])
            if len(below) > _CONTACT_LINES:
                return


def _kind(line: str) -> str:
    if not line:
        return _EMPTY
    first = line[0]
    if first == ">":
        return _QUOTE
    if first in _RULER_CHARACTERS:
        if line in {"--", "—"}:
            return _DASHES
        if not line.strip(_RULER_CHARACTERS):
            return _UNDERSCORES if len(line) > 4 and not line.strip("_") else _RULER
    elif first.isupper() and _INITIALS.match(line):
        return _QUOTE
    if len(line) < 120:
        if SEPARATOR_HINT.search(line) and SEPARATOR.match(line):
            return _SEPARATE
        if MOBILE_HINT.search(line) and MOBILE.match(line) and DEVICE.search(line):
            return _MOBILE_SIGN
    if ":" in line[:40] or "：" in line[:40]:
        label = HEADER_LINE.match(line)
        if label and label[1].strip(" \t\xa0\u202f*_").lower() in HEADER:
            return _HEADER
    return _SEPARATE if REPLY_HINT.search(line) and REPLY_ABOVE.search(line) else _TEXT


def _announcement_start(lines: list[str], kinds: list[str], end: int) -> int:
    """Return the line on which the announcement that ends here begins ('On …,' … 'wrote:'), -1 where none does.

    The nearest line that makes it whole; then further up while lines without a blank between look like its begin.
    """
    joined = ""
    found = -1
    for index in range(end, max(-1, end - _ANNOUNCEMENT_LINES), -1):
        if kinds[index] not in "teh" and index != end:
            break
        if found >= 0 and not _begins_higher(lines[index]):
            break
        joined = f"{lines[index]} {joined}".strip()
        if len(joined) > _ANNOUNCEMENT_LENGTH:
            break
        if lines[index] and (index == end or _begins_here(lines[index])) and _is_announcement(joined):
            found = index
    return found


def _begins_higher(line: str) -> bool:
    return (
        bool(line)
        and _SENTENCE_END.search(line) is None
        and _BEGINS.match(line) is not None
        and DATE_LIKE.search(line) is not None
    )


def _begins_here(line: str) -> bool:
    """Tell whether an announcement that ends further down may begin with this line."""
    return _begins_higher(line) or (_ADDRESS.search(line) is not None and _SENTENCE_END.search(line) is None)


def _is_announcement(text: str) -> bool:
    core = text.strip(" \t*_>")
    is_framed = _ZOHO.match(core) is not None
    if not core.endswith((":", "：")) and not is_framed:
        return False
    if _QUOTING.match(core) and _ADDRESS.search(core):
        return True
    lowered = text.lower()
    verb = _WROTE.search(text) if any(stem in lowered for stem in WROTE_STEMS) else None
    if verb is None:
        return (_DATE_FIRST.match(text) is not None and _ADDRESS.search(text) is not None) or _NO_VERB.match(
            text
        ) is not None
    rest = text[verb.end() :].strip(" \t:：*_->")
    is_name = verb.group().lower() in _NAME_FOLLOWS and len(rest.split()) <= _NAME_WORDS
    if rest and not (is_name or DATE_LIKE.search(rest) or _ADDRESS.search(rest)):
        return False
    if is_framed:
        return True
    if _BEGINS.match(text):
        return DATE_LIKE.search(text) is not None
    return _NAME_FIRST.match(text) is not None


# --- what its writer added ------------------------------------------------------------------------------------------


def _own_lines(kinds: str) -> list[int]:
    """Return the numbers of the lines to show."""
    if "t" not in kinds and "h" not in kinds and "m" not in kinds:
        return [] if "q" in kinds or "a" in kinds else _without_rulers(kinds, list(range(len(kinds))))
    end = _history_start(kinds)
    keep = _without_signature(kinds, list(range(end)))
    keep = _without_quotes(kinds, keep)
    if not any(kinds[i] in "thm" for i in keep):
        keep = [i for i, kind in enumerate(kinds) if kind not in "aq"] or list(range(len(kinds)))
    return _without_rulers(kinds, keep)


def _history_start(kinds: str) -> int:
    """Return the first line of the history that goes on to the end, or the number of lines."""
    has_text = False
    index = 0
    while index < len(kinds):
        kind = kinds[index]
        if kind == "s" and has_text:
            return index
        if kind == "h":
            block_end = _header_block(kinds, index)
            if block_end and has_text:
                return index
            if block_end:  # a forward without a word of its own: its text is the message
                has_text = True
                index = block_end
                continue
            has_text = True
        elif kind == "a" and has_text and not _has_answers_below(kinds, index):
            return index
        elif kind == "t":
            has_text = True
        index += 1
    return len(kinds)


def _header_block(kinds: str, start: int) -> int:
    """Return the end of a block of at least three header fields (wrapped ones included), 0 where there is none."""
    count = 0
    gap = 0
    index = start
    while index < len(kinds) and gap <= 1:
        if kinds[index] == "h":
            count += 1
            gap = 0
        elif kinds[index] == "t" and kinds[index - 1] in "ht" and kinds[index + 1 : index + 2] in {"h", "t"}:
            gap += 1
        elif kinds[index] == "e" and kinds[index + 1 : index + 2] == "h" and kinds[index - 1] == "h":
            pass
        else:
            break
        index += 1
    return index if count >= 3 else 0


def _has_answers_below(kinds: str, announcement: int) -> bool:
    """Tell whether the quote under an announcement has text under it that is the writer's, not a footer."""
    rest = kinds[announcement:].rstrip("e")
    quote = rest.find("q")
    if quote < 0 or rest[:quote].strip("ae"):
        return False
    cut = min((p for p in (rest.find("d", quote), rest.find("s", quote)) if p >= 0), default=len(rest))
    return "t" in rest[quote:cut]


def _without_signature(kinds: str, keep: list[int]) -> list[int]:
    """Drop what stands under '--' or a ruler of underscores at the end, and the advertisements of telephones."""
    shape = "".join(kinds[i] for i in keep)
    first_text = shape.find("t")
    last_quote = shape.rfind("q")
    below = len(shape) - shape.count("e")  # lines that are not empty from here to the end
    for place, kind in enumerate(shape):
        below -= kind != "e"
        if kind not in "du" or not 0 <= first_text < place or last_quote > place:
            continue
        if below <= (_SIGNATURE_LINES if kind == "d" else _SHORT_TAIL_LINES):
            keep = keep[:place]
            break
    return [i for i in keep if kinds[i] != "m"] or keep


def _without_quotes(kinds: str, keep: list[int]) -> list[int]:
    """Drop the announcements, and the quotes that nobody answered between."""
    first_text = next((place for place, i in enumerate(keep) if kinds[i] in "thm"), len(keep))
    opening = {kinds[i] for i in keep[:first_text]}
    if {"a", "q"} <= opening and not any(kinds[i] == "q" for i in keep[first_text:]):
        keep = keep[first_text:]  # the answer stands under the quote
    keep = [i for i in keep if kinds[i] != "a"]
    while keep and kinds[keep[-1]] in "qeru":
        keep.pop()
    return keep


def _without_rulers(kinds: str, keep: list[int]) -> list[int]:
    last = len(keep)
    while last and kinds[keep[last - 1]] in "erdu":
        last -= 1
    return keep[:last]
