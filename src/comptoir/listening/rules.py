"""Pure decisions of listening: what a saved search wants, whether a post says it, and the shape of a list and a chart.

Words are compared with case and accents folded, as whole words; a phrase is its words in their order, whatever stands
between them. In scripts that do not part their words (Chinese, Japanese, Thai …) a text is found anywhere.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

MOST_TERMS = 200  # of one search, all kinds together
LONGEST_TERM = 100  # characters
MATCHED_TEXT = 20_000  # characters of a text that are looked at
LANGUAGES = ("fr", "en", "de", "es", "it", "nl", "pt")  # those that understanding.language recognises

_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "’": "'", "‘": "'"})
_UNPARTED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_TOKEN = re.compile(r"[^\W_]+")
_GAP = r"[\W_]+"


def fold(text: str) -> str:
    """Return a text with case, accents and typographic variants folded; folding twice changes nothing more."""
    while (plain := _folded_once(text)) != text:
        text = plain
    return text


def _folded_once(text: str) -> str:
    if text.isascii():
        return text.lower()
    parted = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(c for c in parted if not unicodedata.combining(c)).translate(_LETTERS)


@dataclass(frozen=True, slots=True)
class Post:
    """Something that somebody published, as a source told it. `id` is unique within the source.

    `tags` and `handles` are those that the source names besides the text, without their sign. `published_at` is None
    where the source does not say. `raw` is what a channel needs to answer it: plain JSON.
    """

    id: str
    text: str
    url: str = ""
    author_name: str = ""
    author_handle: str = ""
    author_id: str = ""
    published_at: datetime | None = None
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    handles: tuple[str, ...] = ()
    reach: int | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a saved search looks for: any of the words, phrases, handles and hashtags, and none of the exclusions.

    A handle is written without @, a hashtag without #. An exclusion is a word or a phrase, an @handle or a #hashtag.
    `languages` are two letters each; none: all of them.
    """

    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    handles: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it would find nothing."""
        return not (self.words or self.phrases or self.handles or self.hashtags)


FIELDS = ("words", "phrases", "handles", "hashtags", "exclusions", "languages")


def write_wanted(wanted: Wanted) -> dict[str, list[str]]:
    """Return the value as plain JSON: {"words": […], …}."""
    return {name: list(getattr(wanted, name)) for name in FIELDS}


def read_wanted(stored: object) -> Wanted:
    """Return the value that was written, whatever became of it since: what is no term is left out."""
    given = stored if isinstance(stored, Mapping) else {}
    return Wanted(**{name: terms_of(name, given.get(name)) for name in FIELDS})


def terms_of(name: str, given: object) -> tuple[str, ...]:
    """Return the usable terms of one field, each once, cut to what may be stored."""
    found: dict[str, str] = {}
    for item in given if isinstance(given, list | tuple) else ():
        term = _tidied(name, item) if isinstance(item, str) else ""
        if term and (name != "languages" or term in LANGUAGES):
            found.setdefault(fold(term), term)
    return tuple(found.values())[:MOST_TERMS]


def _tidied(name: str, item: str) -> str:
    term = " ".join("".join(c for c in item if c.isprintable() or c.isspace()).split())[:LONGEST_TERM].strip()
    if name in {"handles", "hashtags"}:
        term = term.lstrip("@" if name == "handles" else "#").replace(" ", "")
    # What folds away to nothing would be found in everything.
    return term if _TOKEN.search(fold(term)) or _UNPARTED.search(fold(term)) else ""


def _worded(term: str) -> str:
    """Return the pattern of a word or a phrase."""
    if _UNPARTED.search(term):
        return re.escape(term)
    return rf"(?<![^\W_]){_GAP.join(map(re.escape, _TOKEN.findall(term)))}(?![^\W_])"


def _called(handle: str) -> str:
    """Return the pattern of @handle: not the beginning of a longer one; a server may follow a name without one."""
    return rf"(?<![\w@.])@{re.escape(handle)}(?![\w-]|\.\w)"


def _tagged(tag: str) -> str:
    return rf"(?<!\w)#{re.escape(tag)}(?!\w)"


@dataclass(frozen=True, slots=True)
class _Terms:
    """Terms ready to be looked for."""

    pattern: re.Pattern[str] | None
    handles: frozenset[str]
    tags: frozenset[str]

    def are_in(self, text: "_Folded") -> bool:
        if self.pattern is not None and self.pattern.search(text.text):
            return True
        return bool(self.tags & text.tags or self.handles & text.handles)


@dataclass(frozen=True, slots=True)
class _Folded:
    """A post ready to be searched."""

    text: str
    tokens: frozenset[str]
    tags: frozenset[str]
    handles: frozenset[str]


def _terms(worded: Iterable[str], handles: Iterable[str], tags: Iterable[str]) -> _Terms:
    words, called, tagged = ([fold(term) for term in group] for group in (worded, handles, tags))
    parts = [*map(_worded, words), *map(_called, called), *map(_tagged, tagged)]
    return _Terms(re.compile("|".join(parts)) if parts else None, frozenset(called), frozenset(tagged))


def _excluded(terms: Sequence[str]) -> _Terms:
    return _terms(
        [t for t in terms if t[0] not in "@#"],
        [t[1:] for t in terms if t[0] == "@" and len(t) > 1],
        [t[1:] for t in terms if t[0] == "#" and len(t) > 1],
    )


def _folded(post: Post) -> _Folded:
    text = fold(post.text[:MATCHED_TEXT])
    tags = frozenset(fold(tag).lstrip("#") for tag in post.tags)
    handles = frozenset(fold(handle).lstrip("@") for handle in post.handles)
    more = (token for word in (*tags, *handles) for token in _TOKEN.findall(word))
    return _Folded(text, frozenset([*_TOKEN.findall(text), *more]), tags, handles)


class Matcher:
    """Many searches at once: most posts are passed over by the set of their words, without any pattern."""

    def __init__(self, searches: Mapping[int, Wanted]) -> None:
        self._wanted: dict[int, tuple[_Terms, _Terms, frozenset[str]]] = {}
        self._by_token: dict[str, set[int]] = {}
        self._always: set[int] = set()
        for number, wanted in searches.items():
            if wanted.is_empty:
                continue
            terms = _terms((*wanted.words, *wanted.phrases), wanted.handles, wanted.hashtags)
            self._wanted[number] = (terms, _excluded(wanted.exclusions), frozenset(wanted.languages))
            for term in (*wanted.words, *wanted.phrases, *wanted.handles, *wanted.hashtags):
                self._index(number, fold(term))

    def _index(self, number: int, term: str) -> None:
        tokens = _TOKEN.findall(term)
        if _UNPARTED.search(term) or not tokens:
            self._always.add(number)
        else:
            self._by_token.setdefault(max(tokens, key=len), set()).add(number)

    def __bool__(self) -> bool:
        return bool(self._wanted)

    def matches(self, post: Post, language: str = "") -> list[int]:
        """Return the searches that a post answers. One whose language nobody knows passes every language filter."""
        text = _folded(post)
        candidates = set(self._always)
        for token in text.tokens & self._by_token.keys():
            candidates |= self._by_token[token]
        return sorted(number for number in candidates if self._agrees(number, text, language))

    def _agrees(self, number: int, text: _Folded, language: str) -> bool:
        terms, excluded, languages = self._wanted[number]
        if languages and language and language not in languages:
            return False
        return terms.are_in(text) and not excluded.are_in(text)


def language_of(guessed: str, declared: Sequence[str]) -> str:
    """Return the two-letter language of a post: what the text looks like, else what its author declared, else ''."""
    if guessed or not declared:
        return guessed
    code = declared[0].lower().partition("-")[0].partition("_")[0]
    return code if len(code) == 2 and code.isascii() and code.isalpha() else ""


def https_only(url: object) -> str:
    """Return a link that may be shown: https, of a sensible length, without a user name; else ''."""
    if not isinstance(url, str) or not url.startswith("https://") or len(url) > 2000:
        return ""
    host = url[8:].split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]
    return url if host and "@" not in host and url.isprintable() and " " not in url else ""


def bounded_instant(published: datetime | None, *, at: datetime) -> datetime:
    """Return when a post counts as published: never in the future, and now where its source does not say."""
    return min(published, at) if published is not None else at


def page_mark(at: datetime, number: int) -> str:
    """Return where a page of a list begins, for an address."""
    return f"{(at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)}-{number}"


def read_mark(text: str) -> tuple[datetime, int] | None:
    """Return the place that a mark names, or None for one that names none."""
    found = re.fullmatch(r"(\d{1,17})-(\d{1,18})", text, re.ASCII)
    if found is None:
        return None
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(found[1])), int(found[2])
    except OverflowError:
        return None


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart: its place and size in units of the drawing (y goes down), and what it stands for."""

    day: date
    count: int
    x: float
    y: float
    width: float
    height: float


def bars(counts: Mapping[date, int], *, first: date, days: int, width: float = 600, height: float = 80) -> list[Bar]:
    """Return the bars of so many days; the highest fills the height, and a day with any mention is seen."""
    step = width / max(1, days)
    highest = max(counts.values(), default=0)
    found: list[Bar] = []
    for place in range(days):
        day = first + timedelta(days=place)
        count = counts.get(day, 0)
        tall = max(2.0, height * count / highest) if count else 0.0
        found.append(
            Bar(day, count, round(place * step, 2), round(height - tall, 2), round(step * 0.8, 2), round(tall, 2))
        )
    return found


def lines_of(text: str) -> Iterator[str]:
    """Yield what a person typed into a field of terms: one a line, or parted by commas."""
    for piece in re.split(r"[\n,;]", text):
        if piece.strip():
            yield piece.strip()
