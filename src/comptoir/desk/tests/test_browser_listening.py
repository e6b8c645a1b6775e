"""The pages of listening with something on them, under axe-core, in every mode."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from comptoir.accounts.models import User
from comptoir.core import clock
from comptoir.desk.tests.test_accessibility import MODES, violations
from comptoir.desk.tests.test_accessibility import pytestmark as pytestmark  # needs a browser
from comptoir.testing import builders


@pytest.fixture
def paths(agent: User) -> list[str]:
    """The addresses, with mentions, an alert, a source in trouble."""
    now, search = clock.now(), builders.make_search(agent.teams.get(), name="Our name")
    for n in range(40):
        text = f"Ondavelle is down again in Lyon, number {n}. https://example.org/" + "x" * 120 * (n % 2)
        builders.make_mention(search, text=text, at=now - timedelta(hours=7 * n), reach=n * 100, author_handle="ada")
    builders.make_burst(search)
    source = builders.make_source(last_error="The feed has no channel.", last_error_at=now)
    mention = search.hits.order_by("-id")[0].mention_id
    return [
        "/listening/", f"/listening/?search={search.pk}&show=all", "/listening/?show=dismissed",
        f"/listening/{mention}/conversation/", "/settings/listening/", f"/settings/listening/{search.pk}/",
        f"/settings/listening/sources/{source.pk}/",
    ]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_the_pages_of_listening_are_accessible(
    browse: Callable[..., Any], site: Any, paths: list[str], mode: str
) -> None:
    page = browse("/offline", **MODES[mode])
    found: list[str] = []
    for path in paths:
        page.goto(site.url + path)
        found += violations(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} scrolls sideways"
    assert not found, "\n".join(found)
