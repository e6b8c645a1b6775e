"""Rich text: where links, mentions and hashtags are, in bytes of UTF-8; and a text with its links in full. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comptoir.channels.counting import grapheme_count

FACET = "app.bsky.richtext.facet"
MOST_FACETS = 100  # of one text that we read; more is no text
_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_HANDLE = re.compile(
    r"(?<![\w@./-])@((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)(?![\w@])",
    re.IGNORECASE | re.ASCII,
)
_TAG = re.compile(r"(?<!\S)[#＃](?!\ufe0f)([^\s#＃\u00ad\u2060\u200a-\u200d\u20e2]+)")
_AFTER = ".,;:!?'\"…»”’*"
MOST_TAG, MOST_TAG_BYTES = 64, 640


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text, in characters, and what it is: 'link', 'mention' or 'tag' with its value."""

    start: int
    end: int
    kind: str
    value: str


def _links(text: str) -> Iterator[Span]:
    for found in _LINK.finditer(text):
        link = found[0].rstrip(_AFTER)
        while link.endswith((")", "]")) and link.count(link[-1]) > link.count({")": "(", "]": "["}[link[-1]]):
            link = link[:-1].rstrip(_AFTER)
        if len(link) > len("https://"):
            yield Span(found.start(), found.start() + len(link), "link", link)


def _tags(text: str) -> Iterator[Span]:
    for found in _TAG.finditer(text):
        tag = found[1].rstrip(_AFTER + ")]")
        if not tag or tag.isdigit() or grapheme_count(tag) > MOST_TAG or len(tag.encode()) > MOST_TAG_BYTES:
            continue
        yield Span(found.start(), found.start() + 1 + len(tag), "tag", tag)


def spans(text: str) -> list[Span]:
    """Return the links, mentions (value: the handle) and hashtags of a text in their order; none overlap."""
    mentions = [Span(m.start(), m.end(), "mention", m[1].lower()) for m in _HANDLE.finditer(text)]
    kept: list[Span] = []
    for span in sorted([*_links(text), *mentions, *_tags(text)], key=lambda s: (s.start, s.kind)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def handles(text: str) -> list[str]:
    """Return the handles that a text mentions, each once."""
    return list(dict.fromkeys(span.value for span in spans(text) if span.kind == "mention"))


def facets(text: str, dids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the facets of a text. `dids` maps handles to accounts; a handle that is nobody's stays plain text."""
    found: list[dict[str, Any]] = []
    for span in spans(text):
        feature = _feature(span, dids)
        if feature is None:
            continue
        start = len(text[: span.start].encode())
        size = len(text[span.start : span.end].encode())
        found.append({"index": {"byteStart": start, "byteEnd": start + size}, "features": [feature]})
    return found


def _feature(span: Span, dids: Mapping[str, str]) -> dict[str, str] | None:
    if span.kind == "link":
        return {"$type": f"{FACET}#link", "uri": span.value}
    if span.kind == "tag":
        return {"$type": f"{FACET}#tag", "tag": span.value}
    did = dids.get(span.value)
    return {"$type": f"{FACET}#mention", "did": did} if did else None


def in_full(text: str, given: Sequence[Any]) -> str:
    """Return a text with the links in full that the writer's program had shortened; wrong facets are ignored."""
    raw = text.encode(errors="replace")
    spots: list[tuple[int, int, str]] = []
    for facet in given[:MOST_FACETS]:
        index = facet.get("index") if isinstance(facet, dict) else None
        start, end = (index.get("byteStart"), index.get("byteEnd")) if isinstance(index, dict) else (None, None)
        link = _link_of(facet)
        if isinstance(start, int) and isinstance(end, int) and link and 0 <= start < end <= len(raw):
            spots.append((start, end, link))
    for start, end, link in sorted(spots, reverse=True):
        shown = raw[start:end].decode(errors="replace")
        if "…" in shown or shown.endswith("..."):
            raw = raw[:start] + link.encode(errors="replace") + raw[end:]
    return raw.decode(errors="replace")


def _link_of(facet: Any) -> str:
    features = facet.get("features") if isinstance(facet, dict) else None
    for feature in features if isinstance(features, list) else ():
        uri = feature.get("uri") if isinstance(feature, dict) else None
        if isinstance(uri, str) and uri.startswith(("https://", "http://")) and len(uri) <= 2000:
            return uri
    return ""
