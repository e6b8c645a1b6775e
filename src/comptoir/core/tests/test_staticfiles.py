"""The joined stylesheet and script are whole, small, and allowed by the Content-Security-Policy."""

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings

from comptoir.core import staticfiles

STATIC = Path(settings.BASE_DIR) / "static"
# Two documents with a policy of their own: a mail of a customer in its sandboxed frame, and an exported conversation,
# which is a file that must stand alone.
APART = ("conversation/caged.html", "export/page.html")
ALL = sorted(Path(settings.BASE_DIR).rglob("templates/**/*.html"))
TEMPLATES = [path for path in ALL if not str(path).endswith(APART)]


def test_every_stylesheet_has_its_place_in_the_order() -> None:
    lines = (STATIC / "css" / "ORDER").read_text().splitlines()
    assert sorted(n for n in lines if n and not n.startswith("#")) == sorted(
        p.name for p in (STATIC / "css").glob("*.css")
    )


def test_the_stylesheet_keeps_its_rules_and_loses_its_comments() -> None:
    css = staticfiles.bundle_css()
    assert css.startswith("@layer tokens,reset,base,layout,components,utilities;")
    assert "/*" not in css
    assert ".is-unread :is(.q-who,.q-open)" in css, "a blank before a pseudo-class means 'inside'"
    assert css.count("{") == css.count("}")


def test_the_stylesheet_stays_small() -> None:
    """A part of the first load's 120 kB (bench/wire.py); what only some pages need has a file of its own (office/)."""
    assert len(gzip.compress(staticfiles.bundle_css().encode(), 9)) < 16_000


def test_the_script_is_one_file() -> None:
    js = staticfiles.bundle_js()
    assert not re.search(r"^\s*(import|export)\b", js, re.M)
    for path in (STATIC / "js").glob("*.js"):
        if path.name != "desk.js":
            assert path.read_text() in js, f"{path.name} is not imported by desk.js"


@pytest.mark.parametrize("path", sorted((STATIC / "js").glob("*.js")), ids=lambda path: path.name)
def test_a_behaviour_keeps_its_names_to_itself(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith((" ", "//", "import "))]
    assert set(lines) <= {"{", "}"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_nothing_that_the_policy_refuses(path: Path) -> None:
    html = path.read_text()
    assert not re.search(r"<[^>]*\sstyle=", html), "style attributes are refused"
    assert not re.search(r"<[^>]*\son[a-z]+=", html), "event attributes are refused"
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", html), "inline scripts are refused"
    assert "<style" not in html, "inline styles are refused"
