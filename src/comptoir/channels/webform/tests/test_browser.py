"""The form in a real browser: with and without a script, on a phone, in a frame on a page of another origin."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from comptoir.channels.models import ChannelAccount
from comptoir.core import proof, storage
from comptoir.inbound.models import Record
from comptoir.testing.builders import make_account, make_team
from comptoir.testing.loopback import Answer, http_server

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def account() -> ChannelAccount:
    return make_account(make_team(), kind="webform", options={"title": "Write to Horizon", "topics": "Bill\nLine"})


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(locale="en")
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    context.close()


def fill(frame: Any) -> None:
    frame.get_by_label("Your name").fill("Ada Martin")
    frame.get_by_label("Your e-mail").fill("ada@example.net")
    frame.get_by_label("Topic").select_option("Line")
    frame.get_by_label("Subject").fill("No dial tone")
    frame.get_by_label("Your message").fill("Since this morning.")


def stored() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(bytes(Record.objects.get().raw))
    return loaded


def test_a_message_with_a_file(account: ChannelAccount, site: Any, page: Any) -> None:
    page.goto(f"{site.url}/c/webform/{account.public_key}/")
    fill(page)
    page.get_by_label("Files").set_input_files([{"name": "b.txt", "mimeType": "text/plain", "buffer": b"bill"}])
    page.get_by_role("button", name="Send").dblclick()
    page.get_by_role("heading", name="Your message has arrived").wait_for()
    record = stored()
    assert page.get_by_text(record["reference"]).is_visible()
    assert (record["topic"], record["message"]) == ("Line", "Since this morning.")
    assert storage.get(record["files"][0]["key"]) == b"bill"


def test_the_back_button_does_not_double_it(account: ChannelAccount, site: Any, page: Any) -> None:
    page.goto(f"{site.url}/c/webform/{account.public_key}/")
    fill(page)
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Your message has arrived").wait_for()
    page.go_back()
    assert page.get_by_label("Your message").input_value() == "Since this morning."  # kept by the browser
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Your message has arrived").wait_for()
    assert Record.objects.count() == 1
    page.go_back()
    page.get_by_label("Your message").fill("Something else.")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("This one is different.").wait_for()
    page.wait_for_load_state()  # with its script; a submission that is faster than the script is asked to wait
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Your message has arrived").wait_for()
    assert Record.objects.count() == 2


def test_without_a_script(account: ChannelAccount, site: Any, chromium: Any) -> None:
    context = chromium.new_context(java_script_enabled=False, locale="en")
    page = context.new_page()
    page.goto(f"{site.url}/c/webform/{account.public_key}/")
    fill(page)
    page.get_by_label("Files").set_input_files([{"name": "b.txt", "mimeType": "text/plain", "buffer": b"bill"}])
    page.get_by_role("button", name="Send").click()
    page.get_by_text("wait a few seconds").wait_for()
    assert page.get_by_label("Your message").input_value() == "Since this morning."
    page.wait_for_timeout(proof.PLAIN_WAIT * 1000)
    page.get_by_label("Files").set_input_files([{"name": "b.txt", "mimeType": "text/plain", "buffer": b"bill"}])
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Your message has arrived").wait_for()
    assert [file["filename"] for file in stored()["files"]] == ["b.txt"]
    context.close()


def test_errors_stand_beside_their_fields_and_nothing_is_lost(account: ChannelAccount, site: Any, page: Any) -> None:
    page.goto(f"{site.url}/c/webform/{account.public_key}/")
    fill(page)
    page.get_by_label("Your name").fill("   ")
    page.get_by_label("Files").set_input_files([{"name": "b.txt", "mimeType": "text/plain", "buffer": b"bill"}])
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Tell us your name.").wait_for()
    expect(page.get_by_label("Your name")).to_be_focused()
    assert page.get_by_label("Your message").input_value() == "Since this morning."
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Your message has arrived").wait_for()
    assert [file["filename"] for file in stored()["files"]] == ["b.txt"]


def test_a_file_that_is_too_large_is_told_before_it_travels(account: ChannelAccount, site: Any, page: Any) -> None:
    def lower(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('data-max-file="10485760"', 'data-max-file="9"'))

    page.route("**/c/webform/*/", lower)
    page.goto(f"{site.url}/c/webform/{account.public_key}/")
    fill(page)
    large = {"name": "film.mp4", "mimeType": "video/mp4", "buffer": b"x" * 10}
    page.get_by_label("Files").set_input_files([large])
    page.get_by_text("A file may have at most 10 MB: film.mp4").wait_for()
    page.get_by_role("button", name="Send").click()
    assert page.url.endswith(f"/{account.public_key}/") and not Record.objects.exists()


def test_in_a_frame_of_another_origin(account: ChannelAccount, site: Any, page: Any) -> None:
    script = f'<script src="{site.url}/static/widget/form.js" data-key="{account.public_key}" async></script>'
    html = f'<!doctype html><html lang="fr"><h1>Shop</h1>{script}'.encode()
    with http_server(lambda asked: Answer(body=html, headers={"Content-Type": "text/html"})) as shop:
        page.goto(shop.url("/").replace("127.0.0.1", "localhost"))
        frame = page.frame_locator("iframe")
        frame.locator("[name=message]").wait_for()
        assert page.frames[1].evaluate("document.documentElement.lang") == "fr"
        full = page.frames[1].evaluate("document.documentElement.scrollHeight")
        page.wait_for_function(f"Math.abs(document.querySelector('iframe').clientHeight - {full}) < 30")
        frame.locator("[name=name]").fill("Ada")
        frame.locator("[name=email]").fill("ada@example.net")
        frame.locator("[name=subject]").fill("Ligne")
        frame.locator("[name=message]").fill("Bonjour")
        frame.locator("[type=submit]").click()
        frame.locator(".reference").wait_for()
        page.wait_for_function(f"document.querySelector('iframe').clientHeight < {full} - 100")  # it shrinks
    assert stored()["message"] == "Bonjour"


def test_a_site_that_is_not_named_cannot_frame_it(account: ChannelAccount, site: Any, page: Any) -> None:
    account.options["sites"] = "https://www.example.org"
    account.save()
    html = f'<iframe src="{site.url}/c/webform/{account.public_key}/"></iframe>'.encode()
    with http_server(lambda asked: Answer(body=html, headers={"Content-Type": "text/html"})) as shop:
        page.goto(shop.url("/"))
        page.wait_for_timeout(500)
        assert page.frame_locator("iframe").locator("form").count() == 0


@pytest.mark.parametrize("width", [320, 390, 1440])
def test_it_fits_every_width(account: ChannelAccount, site: Any, page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site.url}/c/webform/{account.public_key}/")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
