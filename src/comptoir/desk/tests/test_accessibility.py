"""Every page under axe-core (WCAG 2.2 A and AA), light, dark and on a phone; a journey by keyboard alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import get_resolver

from comptoir.accounts.models import User
from comptoir.channels import services
from comptoir.channels.models import ChannelAccount
from comptoir.conversations.models import Conversation, Message, State
from comptoir.core import clock
from comptoir.testing import builders

AXE = Path(settings.BASE_DIR).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not AXE.exists(), reason="needs axe-core; bin/setup installs it"),
]
# Everything of WCAG 2.2 A and AA, and what axe knows of good practice. A frame of foreign HTML is not ours to mend.
OPTIONS: dict[str, Any] = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
# What lies half under an open menu is not too small.
UNDER_A_MENU = OPTIONS | {"rules": {"target-size": {"enabled": False}}}
MODES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}, "has_touch": True},
    "contrast": {"color_scheme": "dark", "contrast": "more", "reduced_motion": "reduce"},
}


def _public(account: ChannelAccount) -> str:
    """Return the address of a public thread with everything that networks do to messages."""
    at = clock.now().isoformat()
    row = builders.make_conversation(account, contact=builders.make_contact("Zoe Petit", address="zoe", kind="sandbox"))
    Conversation.objects.filter(pk=row.pk).update(is_public=True, thread_key="post:1")
    row.messages.update(
        facts={"id": "m1", "permalink": "https://network.example/1"}, message_id="m1", author_address="zoe",
        marks={"text": "Dead since Monday", "edited_at": at, "hidden_at": at, "reactions": {"like": 3}},
    )  # fmt: skip
    builders.make_message(row, text="Regretted", marks={"deleted_at": at})
    services.note_budget(account_id=account.pk, name="posts", limit=300, left=12, resets_at=clock.now())
    services.note_day(at=clock.now(), done={account.pk: 7}, ignored={account.pk: 2}, failed={account.pk: 1})
    return f"/conversations/{row.pk}/"


@pytest.fixture
def paths(agent: User) -> list[str]:
    """The addresses of all pages, with something on each of them."""
    team = agent.teams.get()
    account = builders.make_account(team, kind="sandbox", address="service@example.org", public_key="sandboxkey")
    form = builders.make_account(team, kind="webform", public_key="formkey1")
    chat = builders.make_account(team, kind="webchat", public_key="chatkey1")
    row = builders.make_conversation(account, contact=builders.make_contact("Ada Martin", company="Martin & Co"))
    builders.make_conversation(account, state=State.SOLVED, subject="Solved")
    builders.make_conversation(account, assignee=agent, subject="Mine", priority=2)
    message: Message = row.messages.get()
    builders.make_attachment(message, filename="tone.png", content_type="image/png")
    builders.make_message(row, kind="out", user=agent, text="Is it plugged in?", delivery="failed")
    builders.make_message(row, kind="note", user=agent, text="Calm customer")
    builders.make_message(row, text="Yes.\n> Is it", visible_text="Yes.", html="<p>Yes.</p>")
    record = builders.make_record(account, reason="Nested too deep.")
    own = f"/conversations/{row.pk}/"
    return [
        "/", "/?owner=me", "/?view=solved", "/?view=snoozed", own, f"{own}merge/", f"{own}export/",
        f"/messages/{message.pk}/place/", f"/messages/{message.pk}/original/", "/search", "/search?q=tone",
        "/search?q=is:open+from:nobody+line", "/search?q=tone&tab=files", "/search?q=martin", "/search?q=nothingatall",
        "/contacts/", "/contacts/?q=ada", f"/contacts/{row.contact_id}/", "/intake/", f"/intake/{record.pk}/",
        "/channels/", f"/channels/{account.pk}/", "/channels/new/email/", "/channels/new/webform/", "/me/", "/keys/",
        f"/channels/{account.pk}/health/", "/channels/compare/", "/channels/guides/mastodon/", "/channels/new/bluesky/",
        f"{own}?all=1", _public(account),
        "/settings/api/", "/accounts/password/change/", "/accounts/logout/", "/accounts/login/", "/offline",
        "/no/such/page/", f"/c/webform/{form.public_key}/", f"/c/webchat/{chat.public_key}/",
    ]  # fmt: skip


def discovered(agent: User, known: list[str]) -> list[str]:
    """Return the addresses of all other pages that need no number: one that is added tomorrow is looked at as well."""
    client = Client()
    client.force_login(agent)
    found = []
    for pattern in get_resolver().url_patterns:
        for inner in getattr(pattern, "url_patterns", [pattern]):
            path = f"/{pattern.pattern if inner is not pattern else ''}{inner.pattern}"
            if "<" in path or "^" in path or path in known or path.startswith(("/api/", "/c/", "/demo/")):
                continue
            response = client.get(path)
            if response.status_code == 200 and not response.streaming and b"<main" in response.content:
                found.append(path)
    return found


def violations(page: Any, options: dict[str, Any] = OPTIONS) -> list[str]:
    """Return what axe finds on the open page, a line each."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(f"axe.run(document, {json.dumps(options)})")
    return [
        f"{page.url}: {broken['id']}: {node['target']}: {node['failureSummary']}"
        for broken in found["violations"]
        for node in broken["nodes"][:3]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_axe_finds_nothing_on_any_page(
    browse: Callable[..., Any], site: Any, agent: User, paths: list[str], mode: str
) -> None:
    page = browse("/offline", **MODES[mode])
    found = []
    for path in [*paths, *discovered(agent, paths)]:
        page.goto(site.url + path)
        found += violations(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("mode", ["light", "phone"])
def test_axe_finds_nothing_in_what_opens(browse: Callable[..., Any], site: Any, paths: list[str], mode: str) -> None:
    page = browse(paths[4], **MODES[mode])
    found = []
    for summary in page.locator(".conv-actions details > summary").all():
        if not summary.is_visible():
            continue  # a phone has these in the menu of the rest
        summary.click()
        found += violations(page, UNDER_A_MENU)
        page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.locator("#palette[open]").wait_for()
    page.locator("#palette input").fill("ada")
    page.locator("#palette .pal-option small").first.wait_for()
    found += violations(page)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.locator("#keys[open]").wait_for()
    found += violations(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_pages_have_their_landmarks_and_one_first_heading(
    browse: Callable[..., Any], site: Any, agent: User, paths: list[str], language: str
) -> None:
    User.objects.filter(pk=agent.pk).update(language=language)
    page = browse("/")
    for path in paths[:33]:
        page.goto(site.url + path)
        assert page.locator("main").count() == 1, path
        assert page.locator("nav[aria-label]").count() >= 1, path
        assert page.locator("h1").count() == 1, path
        assert page.locator("html").get_attribute("lang") == language
        page.keyboard.press("Tab")
        if not page.locator("[autofocus]").count():
            assert page.evaluate("document.activeElement.className") == "skip", path


def test_a_day_by_keyboard_alone(browse: Callable[..., Any], agent: User, site: Any) -> None:
    account = builders.make_account(agent.teams.get(), kind="sandbox", address="service@example.org")
    first = builders.make_conversation(account, subject="First of all")
    second = builders.make_conversation(account, subject="Second thoughts")
    page = browse("/")
    press = page.keyboard.press
    for key in ("j", "x", "j", "Shift+X"):
        press(key)
    assert page.locator(".q-check input:checked").count() == 2
    press("k")
    press("o")
    page.wait_for_url(f"**/conversations/{first.pk}/")
    press("j")
    page.wait_for_url(f"**/conversations/{second.pk}/")
    page.locator("html.js").wait_for()
    press("k")
    page.wait_for_url(f"**/conversations/{first.pk}/")
    press("t")
    page.locator(".toast").wait_for()
    press("m")
    page.keyboard.type("A note, by keys")
    press("Control+Enter")
    page.locator(".msg-note").wait_for()
    press("Escape")
    press("z")
    page.wait_for_function("document.querySelector('#snooze-menu').open")
    press("ArrowDown")
    press("Enter")
    page.locator(".conv-meta .state[data-state=snoozed]").wait_for()
    assert page.evaluate("document.activeElement.closest('#snooze-menu') !== null"), "the focus is where it was"
    press("e")
    page.locator(".conv-meta .state[data-state=open]").wait_for()
    press("u")
    page.wait_for_url(site.url + "/")
    press("g")
    press("c")
    page.wait_for_url("**/contacts/")
    page.locator("html.js").wait_for()
    press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    press("Control+k")
    page.locator("#palette[open]").wait_for()
    page.keyboard.type("thoughts")
    page.locator("#palette [data-href^='/conversations/'][aria-selected=true]").wait_for()
    press("Enter")
    page.wait_for_url(f"**/conversations/{second.pk}/")
    press("Control+k")
    page.locator("#palette[open]").wait_for()
    page.keyboard.type("solv")
    page.locator("#palette [aria-selected=true]", has_text="Solve").wait_for()
    press("Enter")
    page.locator(".conv-meta .state[data-state=solved]").wait_for()
    assert Conversation.objects.get(pk=second.pk).state == State.SOLVED


def test_the_focus_goes_on_where_a_swap_took_its_place(browse: Callable[..., Any], agent: User) -> None:
    account = builders.make_account(agent.teams.get(), kind="sandbox", address="service@example.org")
    for number in range(55):
        builders.make_conversation(account, subject=f"n{number}")
    page = browse("/")
    page.locator("#more a").focus()
    page.keyboard.press("Enter")
    page.locator(".q-row").nth(54).wait_for(state="attached")
    page.wait_for_function("document.activeElement.closest('.q-row') !== null")


def test_single_keys_can_be_switched_off_and_the_palette_stays(browse: Callable[..., Any], agent: User) -> None:
    page = browse("/me/")
    page.locator("#id_shortcuts").uncheck()
    page.locator("form .btn-primary").click()
    page.locator("html.js body[data-shortcuts=off]").wait_for()
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.keyboard.press("?")
    page.keyboard.press("Control+k")
    page.locator("#palette[open]").wait_for()
    assert page.url.endswith("/me/")
    assert page.locator("#keys").count() == 0


def test_what_was_used_lately_comes_first_and_only_what_may_be_seen(browse: Callable[..., Any], agent: User) -> None:
    account = builders.make_account(agent.teams.get(), kind="sandbox", address="service@example.org")
    row = builders.make_conversation(account, subject="First of all")
    page = browse("/")
    page.keyboard.press("Control+k")
    page.locator("#palette[open]").wait_for()
    page.keyboard.type(f"#{row.pk}")
    page.locator("#palette [data-href^='/conversations/'][aria-selected=true]").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/conversations/{row.pk}/")
    page.goto(page.url.partition("/conversations")[0] + "/contacts/")
    page.keyboard.press("Control+k")
    page.get_by_role("group", name="Used lately").get_by_text("First of all").wait_for()
    page.keyboard.press("Escape")
    Conversation.objects.filter(pk=row.pk).update(team=builders.make_team())
    page.keyboard.press("Control+k")
    page.locator("#palette[open]").wait_for()
    assert page.get_by_text("First of all").count() == 0


def test_the_words_of_a_search_complete_themselves(browse: Callable[..., Any], agent: User) -> None:
    page = browse("/search")
    page.locator("[role=combobox]").press_sequentially("tone is:so")
    page.locator(".option").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("[name=q]").input_value() == "tone is:solved "


def test_without_a_connection_the_page_says_so(browse: Callable[..., Any], agent: User, site: Any) -> None:
    page = browse("/")
    page.evaluate("navigator.serviceWorker.ready")
    page.reload()
    page.context.set_offline(True)
    page.goto(site.url + "/contacts/")
    assert page.locator("h1").inner_text() == "No connection"
    page.context.set_offline(False)
    page.get_by_role("link", name="Try again").click()
    page.get_by_role("heading", name="Contacts").wait_for()
