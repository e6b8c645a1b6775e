"""Foreign HTML: nothing runs, nothing loads, what a person wrote stays."""

# ruff: noqa: E501  (tables of what mail programs write, easier to read on one line each)

import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.email.mime import parse_mail
from comptoir.channels.email.sanitize import sanitise_html

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
LOADING = {
    "src",
    "srcset",
    "background",
    "poster",
    "data",
    "action",
    "formaction",
    "xlink:href",
    "ping",
    "manifest",
    "lowsrc",
    "dynsrc",
    "code",
    "codebase",
}


class _Auditor(HTMLParser):
    """Reads the result independently and collects whatever could run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.findings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {
            "script",
            "style",
            "iframe",
            "object",
            "embed",
            "form",
            "input",
            "link",
            "meta",
            "base",
            "svg",
            "math",
            "video",
            "audio",
        }:
            self.findings.append(tag)
        for name, value in attrs:
            text = re.sub(r"[\s\x00]", "", value or "").lower()
            if name.startswith("on") or name in {"class", "id", "name"}:
                self.findings.append(f"{tag} {name}")
            if name in LOADING and not re.match(
                r"data:image/(png|jpe?g|gif|webp|bmp|avif);base64,|/attachments/", text
            ):
                self.findings.append(f"{tag} {name}={text}")
            if name == "href" and not re.match(r"(https?|mailto|tel):", text):
                self.findings.append(f"{tag} {name}={text}")
            if name == "style" and re.search(r"url|expression|image|position|@|\\", text):
                self.findings.append(f"{tag} style={text}")


def findings(html: str) -> list[str]:
    auditor = _Auditor()
    auditor.feed(html)
    auditor.close()
    return auditor.findings


HOSTILE = [
    '<script>alert(1)</script><p onclick="x()">a</p>',
    '<img src=x onerror=alert(1)><img src="javascript:alert(1)"><img src="data:image/svg+xml;base64,AAAA">',
    '<a href="javascript:alert(1)">a</a><a href=" java\nscript:alert(1)">b</a><a href="data:text/html,x">c</a><a href="cid:x">d</a>',
    '<svg><a xlink:href="javascript:alert(1)"><text>a</text></a><image href="http://e.example/x"/></svg>',
    '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>',
    '<div style="background:url(http://e.example/x);position:fixed;top:0">a</div>',
    '<div style="background-color:url(http://e.example/x);color:expression(alert(1));width:\\75rl(x)">a</div>',
    '<div style="list-style-image:url(http://e.example/x);content:url(x);border-image:url(x)">a</div>',
    '<table background="http://e.example/x"><tr><td background="http://e.example/y">a</td></tr></table>',
    '<img srcset="http://e.example/x 2x" src="HTTP://e.example/y" lowsrc="http://e.example/z">',
    '<p title="<img src=http://e.example/x>">a</p><p title=\'"><img src=http://e.example/x>\'>b</p>',
    '<video src="http://e.example/x" poster="http://e.example/y"></video><audio src=x></audio><embed src=x><object data=x></object>',
    '<link rel=stylesheet href="http://e.example/s.css"><style>@import "http://e.example/s.css"</style><base href="http://e.example/">',
    '<form action="http://e.example"><input type=image src="http://e.example/x"><button formaction=x>b</button></form>',
    '<meta http-equiv=refresh content="0;url=http://e.example">',
    "<!--><img src=x onerror=alert(1)>--><![CDATA[<img src=x>]]>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '<img src="//e.example/x"><img src="/local"><img src="x.png">',
    '<p class="topbar" id="composer" name="x">a</p>',
    '<img alt="<img src=" title="http://e.example/x" src="http://e.example/y">',
]  # fmt: skip


@pytest.mark.parametrize("html", HOSTILE)
def test_nothing_runs_and_nothing_loads(html: str) -> None:
    assert findings(sanitise_html(html)) == []


def test_the_hostile_mail_shows_its_text_only() -> None:
    html = parse_mail((FIXTURES / "html-hostile.eml").read_bytes()).html
    assert html is not None
    clean = sanitise_html(html)
    assert findings(clean) == []
    assert "Bonjour" in clean
    assert "clic" in clean
    assert "alert" not in clean


def test_links_open_apart_and_tell_nothing() -> None:
    clean = sanitise_html('<a href="https://shop.example/?a=1&amp;b=2" target="_top">ici</a>')
    assert (
        clean
        == '<a href="https://shop.example/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow">ici</a>'
    )


def test_a_remote_image_waits_for_a_click() -> None:
    clean = sanitise_html('<img src="https://t.example/p.gif?a=1&amp;b=2" width="3" alt="a">')
    assert clean == '<img data-remote-src="https://t.example/p.gif?a=1&amp;b=2" width="3" alt="a">'


def test_an_attached_image_is_shown_from_our_own_address() -> None:
    html = '<img src="cid:photo%40client"><img src="CID:other">'
    assert sanitise_html(html) == '<img data-cid="photo@client"><img data-cid="other">'
    clean = sanitise_html(html, {"photo@client": '/attachments/1?a="b"'})
    assert clean == '<img data-cid="photo@client" src="/attachments/1?a=&quot;b&quot;"><img data-cid="other">'


def test_an_embedded_picture_stays() -> None:
    assert "data:image/png;base64,AAAA" in sanitise_html('<img src="data:image/png;base64,AAAA">')


def test_ordinary_layout_stays() -> None:
    html = '<table width="600"><tbody><tr><td align="center" bgcolor="#eeeeee" style="padding:3px;color:#333333">é <b>à</b></td></tr></tbody></table>'
    assert sanitise_html(html) == html
    assert sanitise_html('<p style="margin:-900px;color:red">a</p>') == '<p style="color:red">a</p>'


BOMBS = [
    ("nested", "<div>" * 100_000 + "au fond"),
    ("fonts", "".join(f'<font color="{i}">' for i in range(20_000)) + "au fond"),
    ("fonts in paragraphs", "".join(f'<font color="{i}"><p>' for i in range(5_000)) + "au fond"),
    ("few fonts, many paragraphs", "".join(f'<font color="{i}"><p>' for i in range(200)) + "<p>a" * 20_000 + "au fond"),
    ("attributes", "<a " + " ".join(f"a{i}=1" for i in range(50_000)) + ">au fond</a>"),
    ("hidden in comments", "<div><!--></div>-->" * 20_000 + "au fond"),
    ("hidden in an attribute", '<b x==">' + "<b>" * 50_000 + '">au fond'),
    ("tags that never end", "<a <a " * 100_000 + "='>'au fond"),
    ("entities", "&a" * 300_000 + "au fond"),
]


@pytest.mark.parametrize(("case", "html"), BOMBS, ids=[c for c, _ in BOMBS])
def test_a_bomb_costs_little_and_stays_small(case: str, html: str) -> None:
    started = time.process_time()
    clean = sanitise_html(html)
    assert time.process_time() - started < 10
    assert len(clean) < 10_000_000
    assert findings(clean) == []


def test_a_large_honest_newsletter_keeps_its_markup() -> None:
    row = '<tr><td style="padding:3px"><div><font color="#333333"><b>Offre</b></font><br>12 €</div></td></tr>'
    clean = sanitise_html("<table>" + row * 3_000 + "</table>")
    assert clean.count("<b>Offre</b>") == 3_000


PIECES = st.sampled_from(
    ["<p ", "<img ", "<a ", "src=", "href=", "style=", '"', "'", ">", "<", "/", "=", "http://e.example/x", "javascript:x", "cid:y", "url(", ")", ";", "color:",
     "red", "onclick=", "<script>", "</script>", "<style>", "</style>", "<!--", "-->", "<svg>", "<table>", "<td>", "&lt;", "&quot;", "é", " ", "\n", "\0", "data:"]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(PIECES, max_size=40))
def test_pieces_of_html_never_run_or_load(pieces: list[str]) -> None:
    assert findings(sanitise_html("".join(pieces))) == []
