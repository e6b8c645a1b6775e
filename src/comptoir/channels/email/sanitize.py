"""Foreign HTML made safe to show inside our own pages (INV-07).

What comes out has no script, no form, no frame, no class or identifier of ours, and loads nothing by itself: a remote
image waits in `data-remote-src` for a click, an attached one carries its content id in `data-cid`. The sanitiser
proper is ammonia (nh3); here stand the allow-list, the images and the bounds, because its cost grows with the square
of the nesting depth.
"""

import html as _html
import re
from collections.abc import Mapping
from urllib.parse import unquote

import nh3

from .html_text import html_to_text

# Measured with nh3 0.3.8: 5,000 unclosed <font> take 2.8 s, 1,000 take 0.1 s; balanced tags are linear.
_FREE_TAGS = 300  # a smaller mail is not checked
_FREE_LENGTH = 100_000
_MAX_TAGS = 60_000
_MAX_FAILURES = 20  # tags that never end
_MAX_ENTITIES = 100_000  # a microsecond or more each
_MAX_COPIES = 100_000
_MAX_OPEN = 250  # elements open at once; real newsletters stay below 100
_MAX_ATTRIBUTES = 300  # in one tag: duplicates are searched in a list
_MAX_SWALLOWED = 200  # tags inside attribute values: an attempt to hide them from the check

_TAGS = set(
    "a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del details dfn "
    "div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q "
    "rp rt ruby s samp section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul "
    "var wbr".split()
)
_CELL = {"align", "valign", "bgcolor", "width", "height", "colspan", "rowspan", "nowrap"}
_ATTRIBUTES = {
    "*": {"style", "dir", "lang", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height", "align"},
    "table": {"align", "bgcolor", "border", "cellpadding", "cellspacing", "width", "height"},
    "tr": {"align", "valign", "bgcolor"},
    "td": _CELL,
    "th": _CELL,
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
    "font": {"color", "face", "size"},
    "div": {"align"},
    "p": {"align"},
    "h1": {"align"},
    "h2": {"align"},
    "h3": {"align"},
    "hr": {"align", "width", "size"},
    "ol": {"start", "type", "reversed"},
    "li": {"value"},
    "del": {"datetime"},
    "ins": {"datetime"},
    "time": {"datetime"},
}
# Nothing that loads, moves out of its box or covers another: no position, background image, content, z-index.
_SIDES = ("top", "right", "bottom", "left")
_STYLES = (
    {
        "background-color", "border", "border-collapse", "border-color", "border-radius", "border-spacing",
        "border-style", "border-width", "clear", "color", "direction", "display", "float", "font", "font-family",
        "font-size", "font-style", "font-variant", "font-weight", "height", "letter-spacing", "line-height",
        "list-style-type", "margin", "max-height", "max-width", "min-height", "min-width", "overflow-wrap", "padding",
        "table-layout", "text-align", "text-decoration", "text-indent", "text-transform", "unicode-bidi",
        "vertical-align", "white-space", "width", "word-break", "word-spacing", "word-wrap",
    }
    | {f"{name}-{side}" for name in ("margin", "padding", "border") for side in _SIDES}
    | {f"border-{side}-{kind}" for side in _SIDES for kind in ("color", "style", "width")}
)  # fmt: skip
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags={
        "script",
        "style",
        "title",
        "template",
        "iframe",
        "object",
        "svg",
        "math",
        "noscript",
        "xml",
        "select",
        "textarea",
        "audio",
        "video",
    },
    attributes=_ATTRIBUTES,
    filter_style_properties=_STYLES,
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
    url_relative="deny",
    strip_comments=True,
)

# The cleaner's output has every '<' of a text escaped and every attribute in double quotes, so this never loses step.
_CLEAN_TAG = re.compile(r'<(img|a)((?:\s+[^\s"=<>]+(?:="[^"]*")?)*)\s*>|<[^<>"]*(?:"[^"]*"[^<>"]*)*>')
_CLEAN_ATTRIBUTE = re.compile(r'\s+([^\s"=<>]+)(?:="([^"]*)")?')
_STYLE = re.compile(r' style="([^"]*)"')
_STYLE_DANGER = re.compile(
    r"(?i)\\|url|expression|image|var\(|attr\(|env\(|element\(|(?:margin|text-indent)[^;]*:[^;]*-\d|@|/\*"
)
_DATA_IMAGE = re.compile(r"(?i)^data:image/(?:png|jpe?g|gif|webp|bmp|avif);base64,[a-z0-9+/=\s]*$")

_RAW_TAG = re.compile(
    r"""<(?:(/?)([a-zA-Z][^\s/>]*+)((?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+)>|!--(?:-?>|[\s\S]*?--!?>)|[!?/][^>]*+>)"""
)
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())
_IMPLIED = frozenset("p li td th tr dt dd option tbody thead tfoot colgroup rp rt".split())


def sanitise_html(html: str, cid_urls: Mapping[str, str] | None = None) -> str:
    """Return the mail's HTML safe to embed in a page.

    `cid_urls` gives the address under which an attached image is served, by content id without brackets; an image
    whose id is unknown keeps only its `data-cid`. Too deeply nested HTML comes back as its plain text.
    """
    if (len(html) > _FREE_LENGTH or html.count("<") > _FREE_TAGS) and _is_bomb(html):
        text = _html.escape(html_to_text(html), quote=False)
        return f'<div style="white-space:pre-wrap">{text}</div>'
    clean = _CLEANER.clean(html.replace("\0", ""))
    if "<img" not in clean and "style=" not in clean and "data:" not in clean and "cid:" not in clean:
        return clean
    urls = cid_urls or {}
    return _CLEAN_TAG.sub(lambda m: _tag(m, urls), clean)


def _tag(match: re.Match[str], urls: Mapping[str, str]) -> str:
    tag = match.group()
    if " style=" in tag:
        tag = _STYLE.sub(_style, tag)
        match = _CLEAN_TAG.match(tag) or match
    if match[1] == "img":
        return _image(match[2], urls)
    if match[1] == "a" and re.search(r'\shref="\s*(?:data|cid):', tag, re.IGNORECASE):
        return re.sub(r'\shref="[^"]*"', "", tag)
    return tag


def _style(match: re.Match[str]) -> str:
    kept = [d for d in match[1].split(";") if d.strip() and not _STYLE_DANGER.search(d)]
    return f' style="{";".join(kept)}"' if kept else ""


def _image(attributes: str, urls: Mapping[str, str]) -> str:
    """Put an image's source where the browser does not load it, unless the image came with the mail."""
    out: list[str] = []
    for name, value in _CLEAN_ATTRIBUTE.findall(attributes):
        if name != "src":
            out.append(f' {name}="{value}"')
            continue
        source = _html.unescape(value).strip()
        scheme = source.partition(":")[0].lower()
        if scheme == "cid":
            cid = unquote(source[4:]).strip("<> ")
            out.append(f' data-cid="{_html.escape(cid)}"')
            if cid in urls:
                out.append(f' src="{_html.escape(urls[cid])}"')
        elif scheme in {"http", "https"}:
            out.append(f' data-remote-src="{value}"')
        elif scheme == "data" and _DATA_IMAGE.match(source):
            out.append(f' src="{value}"')
    return f"<img{''.join(out)}>"


def _is_bomb(html: str) -> bool:
    """Tell whether the cleaner would take more than a moment, or answer with many times what it was given."""
    if html.count("&") > _MAX_ENTITIES:
        return True
    weight = _Weight()
    failures = 0
    pos = html.find("<")
    while pos >= 0:
        match = _RAW_TAG.match(html, pos)
        if match is None:
            failures += html[pos + 1 : pos + 2].isalpha() or html.startswith(("<!", "</", "<?"), pos)
            if failures > _MAX_FAILURES:
                return True
            pos = html.find("<", pos + 1)
            continue
        if match[2] and weight.is_exceeded_by(match[2].lower(), match[3], closing=match[1] == "/"):
            return True
        pos = html.find("<", match.end())
    return False


class _Weight:
    """What a document costs the cleaner, tag by tag."""

    def __init__(self) -> None:
        self.open_now: dict[str, int] = {}
        self.total = self.formatting = self.tags = self.swallowed = self.copies = 0

    def is_exceeded_by(self, name: str, attributes: str, *, closing: bool) -> bool:
        self.tags += 1
        self.swallowed += attributes.count("<")
        if self.tags > _MAX_TAGS or self.swallowed > _MAX_SWALLOWED:
            return True
        if len(attributes) > _MAX_ATTRIBUTES and len(re.split(r"[\s/]+", attributes)) > _MAX_ATTRIBUTES:
            return True
        if name not in _FORMATTING and not closing:
            self.copies += self.formatting  # an unclosed <font> is opened again in every block
        if name in _VOID or name in _IMPLIED:
            return self.copies > _MAX_COPIES
        count = self.open_now.get(name, 0)
        if closing and not count:
            return False
        step = -1 if closing else 1
        self.open_now[name] = count + step
        self.total += step
        if name in _FORMATTING:
            self.formatting += step
        return self.total > _MAX_OPEN or self.copies > _MAX_COPIES
