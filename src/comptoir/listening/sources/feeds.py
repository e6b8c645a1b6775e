"""RSS 2.0, RSS 1.0 and Atom 1.0: the entries of a feed. Pure.

Read with expat and nothing around it: a document that declares entities is refused, so that none can grow, and nothing
outside the document is ever fetched.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from xml.parsers import expat

from comptoir.core.textfold import clean
from comptoir.listening.rules import Post, https_only
from comptoir.listening.sources.texts import text_of_html

DEEPEST = 60  # elements inside each other
MOST_ENTRIES = 500
ATOM = "http://www.w3.org/2005/Atom"
_DC = "http://purl.org/dc/elements/1.1/"
_CONTENT = "http://purl.org/rss/1.0/modules/content/"
_XML = "http://www.w3.org/XML/1998/namespace"


class NotAFeed(ValueError):
    """The document is no feed that can be read; says why."""


@dataclass(slots=True)
class _Element:
    """An element: its name without its namespace's address, and what is inside."""

    space: str
    name: str
    attributes: dict[str, str]
    parts: "list[str | _Element]" = field(default_factory=list)

    @property
    def children(self) -> "list[_Element]":
        return [part for part in self.parts if isinstance(part, _Element)]

    def all(self, name: str) -> "list[_Element]":
        return [child for child in self.children if child.name == name]

    def first(self, *names: str) -> str:
        """Return the text of the first child by one of these names that has any."""
        for name in names:
            for child in self.all(name):
                if words := child.words():
                    return words
        return ""

    def words(self) -> str:
        """Return all text inside, in its order."""
        return self._text().strip()

    def _text(self) -> str:
        return "".join(part if isinstance(part, str) else part._text() for part in self.parts)


def _tree(body: bytes) -> _Element:
    parser = expat.ParserCreate(namespace_separator="\n")
    parser.buffer_text = True
    root = _Element("", "", {})
    open_ones = [root]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_ones) > DEEPEST:
            raise NotAFeed("The feed is nested too deeply.")
        space, _line, local = name.rpartition("\n")
        one = _Element(space, local.lower() if not space else local, attributes)
        open_ones[-1].parts.append(one)
        open_ones.append(one)

    def end(_name: str) -> None:
        open_ones.pop()

    def refuse(*_declared: object) -> None:
        raise NotAFeed("The feed declares entities, which is refused.")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = lambda text: open_ones[-1].parts.append(text)
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = lambda *_named: 0
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise NotAFeed(f"This is no well-formed XML (line {error.lineno}).") from error
    except (LookupError, ValueError) as error:
        raise error if isinstance(error, NotAFeed) else NotAFeed("The encoding of the feed is unknown.") from error
    return root


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed: what it calls itself, and its entries."""

    title: str
    posts: list[Post]


def parse(body: bytes) -> Feed:
    """Read a feed. Raises NotAFeed, in words."""
    root = _tree(body).children[0]
    if root.name == "feed":
        return Feed(_line(root.first("title")), _read(root.all("entry"), root))
    if root.name.lower() in {"rss", "rdf"}:
        channels = root.all("channel")
        if not channels:
            raise NotAFeed("The feed has no channel.")
        items = channels[0].all("item") or root.all("item")
        return Feed(_line(channels[0].first("title")), _read(items, channels[0]))
    raise NotAFeed(f"This is no feed: its first element is <{root.name[:40]}>, not <rss> or <feed>.")


def _read(entries: Iterable[_Element], feed: _Element) -> list[Post]:
    language = feed.attributes.get(f"{_XML}\nlang", "") or feed.first("language")
    found: dict[str, Post] = {}
    for entry in list(entries)[:MOST_ENTRIES]:
        post = _post(entry, language)
        if post.text:
            found.setdefault(post.id, post)
    return list(found.values())


def _post(entry: _Element, language: str) -> Post:
    title = _line(entry.first("title"))
    body = text_of_html(_body(entry))
    link = _link(entry)
    own = entry.attributes.get(f"{_XML}\nlang", "") or language
    number = entry.first("guid", "id") or link or f"{title}\n{body}"
    tags = [tag.attributes.get("term", "") or tag.words() for tag in [*entry.all("category"), *entry.all("subject")]]
    return Post(
        id=_fitting(number),
        text=clean("\n\n".join(part for part in (title, "" if body == title else body) if part)),
        url=https_only(link),
        author_name=_author(entry),
        published_at=_when(entry.first("pubDate", "pubdate", "published", "date", "updated")),
        languages=(own,) if own else (),
        tags=tuple(clean(tag)[:100] for tag in tags if tag),
        raw={"id": _fitting(number), "link": link[:2000], "title": title},
    )


def _line(text: str) -> str:
    return clean(" ".join(text_of_html(text).split()))[:500]


def _body(entry: _Element) -> str:
    """Return the fullest text: content:encoded or Atom's content, else the summary; XHTML is read as its words."""
    for space, name in ((_CONTENT, "encoded"), (ATOM, "content"), (ATOM, "summary"), ("", "description")):
        for child in entry.all(name):
            if child.space == space and (words := child.words()):
                return words
    return entry.first("encoded", "content", "summary", "description")


def _link(entry: _Element) -> str:
    links = entry.all("link")
    for link in links:
        if link.attributes.get("href") and link.attributes.get("rel", "alternate") == "alternate":
            return link.attributes["href"].strip()
    for link in links:
        if words := link.words():
            return words
    for guid in entry.all("guid"):
        if guid.attributes.get("isPermaLink", "true") == "true":
            return guid.words()
    return ""


def _author(entry: _Element) -> str:
    for child in entry.children:
        if child.name == "creator" and child.space == _DC:
            return _line(child.words())[:200]
        if child.name == "author":
            return _line(child.first("name") or child.words())[:200]
    return ""


def _fitting(number: str) -> str:
    """Return an id that the database can hold; a long one keeps its identity by a digest."""
    tidy = clean(number)
    if tidy == number and len(tidy) <= 300:
        return tidy
    return f"{tidy[:200]}#{hashlib.sha256(number.encode(errors='surrogatepass')).hexdigest()}"


def _when(text: str) -> datetime | None:
    """Read an instant as RSS (RFC 822) or Atom (RFC 3339) writes it; without a zone it is UTC."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            instant = read(text.strip())
            return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None
