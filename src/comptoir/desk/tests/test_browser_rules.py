"""Rules and presence in a real browser: a rule is put together with scripts and without, presence is one click."""

from collections.abc import Callable
from typing import Any

import pytest

from comptoir.accounts.models import User
from comptoir.conversations.models import Conversation
from comptoir.core import clock, presence
from comptoir.routing.models import Rule, RuleVersion, Workload

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scripts", [True, False])
def test_a_rule_is_put_together_tried_and_saved(
    browse: Callable[..., Any],
    conversation: Conversation,
    scripts: bool,
) -> None:
    page = browse("/rules/new/", java_script_enabled=scripts)
    page.fill("#name", "Dead lines")
    page.select_option("[name=when]", "received")
    page.click("section[aria-labelledby=every] summary")
    page.click('button[value="every:text"]')
    page.fill("[name=c0-value]", "dead, dial tone")
    page.click("section[aria-labelledby=then] summary")
    page.click('button[value="action:priority"]')
    page.select_option("[name=a0-value]", "2")
    page.click('.form-actions button[value="try"]')
    page.wait_for_selector("#tried")
    assert page.input_value("[name=c0-value]") == "dead, dial tone"
    assert not Rule.objects.exists()
    page.click('.form-actions button[value="save"]')
    page.wait_for_selector(".rules")
    assert "Dead lines" in page.inner_text(".rules")
    assert RuleVersion.objects.get().definition["every"][0]["value"] == "dead, dial tone"
    page.click("button.switch")
    page.wait_for_selector('button.switch[aria-checked="true"]')
    assert Rule.objects.get().is_active


def test_presence_is_chosen_in_the_navigation_and_an_open_desk_counts(
    browse: Callable[..., Any],
    agent: User,
) -> None:
    page = browse("/")
    page.wait_for_selector('[data-live="online"]')
    page.click(".nav-presence summary")
    page.click('.nav-presence button[value="away"]')
    page.wait_for_selector('.nav-presence .dot[data-tone="warn"]')
    assert Workload.objects.get(user=agent).presence == "away"
    assert presence.people_present([agent.pk], at=clock.now()) == {agent.pk}


@pytest.mark.parametrize("width", [390, 1024])
def test_no_page_of_the_team_is_wider_than_the_screen(
    browse: Callable[..., Any],
    site: Any,
    agent: User,
    width: int,
) -> None:
    team = agent.teams.get().pk
    page = browse("/hours/", viewport={"width": width, "height": 800}, locale="fr-FR")
    own = [f"/team/{team}/", f"/team/{team}/work/", f"/team/{team}/people/{agent.pk}/", f"/team/{team}/shifts/"]
    for path in ("/hours/", f"/hours/{team}/", "/rules/", "/rules/new/", "/rules/log/", *own):
        page.goto(site.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
