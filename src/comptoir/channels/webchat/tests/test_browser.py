"""The chat in a real browser: on a page of another origin, over reloads and lost networks, on a phone."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from comptoir import pipeline
from comptoir.channels.models import ChannelAccount
from comptoir.channels.services import account_config
from comptoir.channels.webchat.client import send
from comptoir.channels.webchat.models import ChatEntry, ChatSession
from comptoir.core import bulk, clock, presence
from comptoir.core.types import Author, Outbound
from comptoir.inbound import log
from comptoir.inbound.models import Record
from comptoir.testing.builders import make_account, make_team
from comptoir.testing.loopback import Answer, http_server

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def account() -> ChannelAccount:
    team = make_team()
    presence.mark_present({team.pk}, at=clock.now())
    return make_account(team, kind="webchat", options={"title": "Horizon"})


@pytest.fixture
def shop(site: Any, account: ChannelAccount) -> Iterator[str]:
    """A page of another origin that shows the chat, under a strict policy of its own."""
    script = f'<script src="{site.url}/static/widget/chat.js" data-key="{account.public_key}" async></script>'
    view = '<meta name="viewport" content="width=device-width">'
    page = f'<!doctype html><html lang="en"><title>Shop</title>{view}<h1>A shop</h1>{script}'.encode()
    policy = f"default-src 'none'; script-src {site.url}; frame-src {site.url}; style-src 'self'"
    headers = {"Content-Type": "text/html", "Content-Security-Policy": policy}
    with http_server(lambda asked: Answer(body=page, headers=headers)) as server:
        yield server.url("/").replace("127.0.0.1", "localhost")


@pytest.fixture
def visit(chromium: Any, shop: str) -> Iterator[Callable[..., Any]]:
    """Open the shop in a fresh browser profile; the chat is opened and its frame returned with the page."""
    contexts = []

    def visit(**options: Any) -> tuple[Any, Any]:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: print("console:", message.text))
        page.on("pageerror", lambda error: print("page error:", error))
        page.goto(shop)
        page.get_by_role("button", name="Open chat").click()
        frame = page.frame_locator("iframe")
        # A route that is set while the frame still changes its process would not see the frame's requests.
        frame.get_by_role("textbox", name="Your message").wait_for()
        return page, frame

    yield visit
    for context in contexts:
        context.close()


def write(frame: Any, text: str) -> None:
    frame.get_by_role("textbox", name="Your message").fill(text)
    frame.get_by_role("button", name="Send", exact=True).click()


def sent(frame: Any, *, timeout: float = 10_000) -> None:
    frame.get_by_text(re.compile(r"^Sent \d")).wait_for(timeout=timeout)


def digest() -> None:
    while pipeline.digest_shards(log.busy_shards(), limit=100):
        pass


def answer(account: ChannelAccount, text: str, *, key: str = "") -> None:
    session = ChatSession.objects.get()
    message = Outbound(
        key or f"{text}@x", text, (Author("webchat", session.key),), thread_key=session.key, from_name="Camille"
    )
    send(message, account_config(account), lambda: None)


def until(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def texts(frame: Any) -> list[str]:
    return [str(text) for text in frame.locator(".bubble").all_inner_texts()]


def test_a_message_goes_in_and_the_answer_appears(account: ChannelAccount, visit: Callable[..., Any]) -> None:
    page, frame = visit()
    write(frame, "Hello, is my line down?")
    sent(frame)
    digest()
    assert bulk.fetch_all("SELECT text, author_address FROM conversations_message", []) == [
        ("Hello, is my line down?", ChatSession.objects.get().key)
    ]
    started = time.monotonic()
    answer(account, "Yes, until noon.")
    frame.get_by_text("Yes, until noon.").wait_for(timeout=5000)
    assert time.monotonic() - started < 2  # by notification, not by the next poll
    until(lambda: ChatEntry.objects.exclude(key="").get().shown_at is not None)
    page.reload()
    page.get_by_role("button", name="Open chat").click()
    frame.get_by_text("Yes, until noon.").wait_for()
    assert texts(frame) == ["Hello, is my line down?", "Yes, until noon."]


def test_without_network_nothing_is_lost_or_doubled(account: ChannelAccount, visit: Callable[..., Any]) -> None:
    page, frame = visit()
    write(frame, "one")
    sent(frame)
    page.context.set_offline(True)
    write(frame, "two")
    frame.get_by_role("button", name="Not sent").wait_for()
    write(frame, "three")
    page.context.set_offline(False)
    frame.locator(".mine:not(.waiting):not(.failed)").nth(2).wait_for(timeout=15_000)
    assert texts(frame) == ["one", "two", "three"]
    assert Record.objects.filter(source="chat").count() == 3


def test_a_reload_without_network_keeps_the_outbox(
    account: ChannelAccount, visit: Callable[..., Any], site: Any
) -> None:
    """The page is closed before the message could leave; it leaves when the visitor comes back."""
    page, frame = visit()
    write(frame, "one")
    sent(frame)
    page.route("**/messages?*", lambda route: route.abort())
    write(frame, "two")
    frame.get_by_role("button", name="Not sent").wait_for()
    page.unroute("**/messages?*")
    page.reload()
    page.get_by_role("button", name="Open chat").click()
    frame.locator(".mine:not(.waiting):not(.failed)").nth(1).wait_for(timeout=15_000)
    assert texts(frame) == ["one", "two"] and Record.objects.filter(source="chat").count() == 2


def test_a_lost_answer_does_not_double_the_message(account: ChannelAccount, visit: Callable[..., Any]) -> None:
    """The server takes the message, its answer never arrives, the widget sends again."""
    page, frame = visit()
    lost: list[str] = []

    def lose(route: Any) -> None:
        if len(lost) < 2:
            # Noted before the server is asked: the long poll may show the message before its answer is lost here.
            lost.append("asked")
            route.fetch()
            route.abort()
            lost[-1] = "lost"
        else:
            route.continue_()

    page.route("**/messages?*", lose)
    write(frame, "only once")
    sent(frame, timeout=20_000)
    for _ in range(200):
        if "asked" not in lost:
            break
        page.wait_for_timeout(50)
    assert set(lost) == {"lost"} and texts(frame) == ["only once"]
    assert Record.objects.filter(source="chat", external_id__contains=":").count() == 1
    assert ChatEntry.objects.count() == 1


def test_two_tabs_are_one_visitor(account: ChannelAccount, visit: Callable[..., Any], shop: str) -> None:
    page, frame = visit()
    write(frame, "from the first")
    sent(frame)
    second = page.context.new_page()
    second.goto(shop)
    second.get_by_role("button", name="Open chat").click()
    other = second.frame_locator("iframe")
    other.get_by_text("from the first").wait_for()
    write(other, "from the second")
    frame.get_by_text("from the second").wait_for(timeout=10_000)
    assert ChatSession.objects.count() == 1


def test_a_closed_chat_counts_what_is_new(account: ChannelAccount, visit: Callable[..., Any]) -> None:
    page, frame = visit()
    write(frame, "hello")
    sent(frame)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Open chat").wait_for()
    answer(account, "Here I am.")
    page.get_by_role("button", name="Open chat (1 new message)").click(timeout=10_000)
    frame.get_by_text("Here I am.").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Open chat", exact=True).wait_for()
    page.goto("about:blank")
    answer(account, "Still there?")
    page.go_back()  # another page of the shop: the button tells, before anything is opened
    page.get_by_role("button", name="Open chat (1 new message)").wait_for()


def test_storage_that_is_refused_is_lent_by_the_page(account: ChannelAccount, visit: Callable[..., Any]) -> None:
    """This Chromium refuses storage in foreign frames: the page around keeps the chat, over reloads."""
    page, frame = visit()
    write(frame, "remember me")
    sent(frame)
    inner = page.frames[-1]
    assert inner.evaluate("(() => { try { return Boolean(localStorage) } catch { return false } })()") is False
    page.reload()
    page.get_by_role("button", name="Open chat").click()
    frame.get_by_text("remember me").wait_for()
    assert ChatSession.objects.count() == 1


def test_the_token_stays_in_the_frame_where_it_can(
    account: ChannelAccount, chromium: Any, shop: str, site: Any
) -> None:
    """On a page of the same site the frame has storage of its own; then the page around never hears the token."""
    context = chromium.new_context()
    page = context.new_page()
    page.add_init_script("window.heard = []; addEventListener('message', (e) => heard.push(JSON.stringify(e.data)))")
    page.goto(shop.replace("localhost", "127.0.0.1"))
    page.get_by_role("button", name="Open chat").click()
    frame = page.frame_locator("iframe")
    write(frame, "secret")
    sent(frame)
    inner = next(f for f in page.frames if site.url in f.url)
    token = inner.evaluate("Object.entries(localStorage).find(([k]) => k.endsWith('token'))[1]")
    assert token and token not in "".join(page.evaluate("heard"))
    assert page.evaluate("JSON.stringify(localStorage)").count(":") == 3  # the key of the flag and its value, no more
    inner.evaluate("postMessage({ comptoirChat: 'hello', kept: {} }, '*')")  # not from the page around it
    inner.evaluate("parent.postMessage({ comptoirChat: 'keep', value: { name: '../x', value: 'y' } }, '*')")
    assert "y" not in page.evaluate("Object.values(localStorage)")
    page.reload()
    page.get_by_role("button", name="Open chat").click()
    frame.get_by_text("secret").wait_for()
    context.close()


def test_on_a_phone_it_fills_the_screen(account: ChannelAccount, visit: Callable[..., Any]) -> None:
    page, frame = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    until(lambda: page.locator("iframe").bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    frame.get_by_role("button", name="Close chat").click()
    page.get_by_role("button", name="Open chat").wait_for()


def test_it_can_be_used_by_keyboard_alone(account: ChannelAccount, visit: Callable[..., Any]) -> None:
    page, frame = visit()
    frame.locator("textarea:focus").wait_for()
    page.keyboard.type("typed")
    page.keyboard.press("Enter")
    sent(frame)
    seen = set()
    for _ in range(8):  # the focus goes round inside
        page.keyboard.press("Tab")
        seen.add(
            frame.locator("body").evaluate("() => document.activeElement.tagName + document.activeElement.className")
        )
        assert frame.locator("body").evaluate("() => document.hasFocus()")
    assert {"BUTTONclose", "DIVlog", "TEXTAREA"} <= seen
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "COMPTOIR-CHAT"


def test_when_nobody_is_there_it_says_so_and_asks_for_an_address(
    account: ChannelAccount, visit: Callable[..., Any]
) -> None:
    bulk.fetch_all("DELETE FROM core_cache WHERE cache_key LIKE 'desk:%%'", [])
    account.options["reply_account"] = make_account(account.team).pk
    account.save()
    _page, frame = visit()
    frame.get_by_text("Nobody is at the counter right now.").wait_for()
    assert frame.locator("[data-ask]").is_hidden()
    write(frame, "Anybody?")
    frame.get_by_role("textbox", name="Your e-mail").fill("ada@")
    frame.get_by_role("button", name="Save").click()
    frame.get_by_text("This is not a complete e-mail address.").wait_for()
    frame.get_by_role("textbox", name="Your e-mail").fill("ada@example.net")
    frame.get_by_role("button", name="Save").click()
    frame.get_by_text("the answer goes to ada@example.net").wait_for()
    assert ChatSession.objects.get().email == "ada@example.net"


def test_the_language_follows_the_page(account: ChannelAccount, chromium: Any, site: Any) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/c/webchat/{account.public_key}/?lang=fr&theme=dark")
    assert page.evaluate("document.documentElement.lang") == "fr"
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    context.close()
