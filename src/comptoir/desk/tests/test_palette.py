"""The command palette, the sheet of keys and what makes the desk installable, as the server answers."""

import json

import pytest
from django.test import Client

from comptoir.accounts.models import Role, User
from comptoir.conversations.models import SavedView
from comptoir.desk import palette
from comptoir.desk.tests.conftest import Cast
from comptoir.testing import builders

HTMX = {"HX-Request": "true"}


def labels(user: User, text: str) -> list[str]:
    return [str(option.label) for group in palette.find(user, text) for option in group.options]


def options(cast: Cast, query: str, user: User | None = None) -> str:
    response = cast.client(user).get(f"/palette?{query}", headers=HTMX)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("que", "Queue", True),
        ("file d'attente", "Queue", True),  # the French name works in English as well
        ("RÉGLAGES", "My settings", True),
        ("zzz", "Queue", False),
    ],
)
def test_pages_go_by_several_names(cast: Cast, text: str, name: str, found: bool) -> None:
    assert (name in labels(cast.agent, text)) is found


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        (Role.AGENT, set()),
        (Role.LEAD, {"/intake/", "/team/", "/settings/labels/"}),
        (Role.ADMIN, {"/intake/", "/team/", "/settings/labels/", "/settings/api/"}),
    ],
)
def test_pages_are_offered_to_whom_they_open(cast: Cast, role: str, seen: set[str]) -> None:
    user = builders.make_user(cast.team, role=role)
    offered = {option.href for letter in "ailrte" for option in palette.pages(user, letter).options}
    assert offered & {"/intake/", "/team/", "/settings/labels/", "/settings/api/"} == seen


@pytest.mark.parametrize("role", Role.values)
def test_every_page_that_is_offered_opens(cast: Cast, role: str) -> None:
    user = builders.make_user(cast.team, role=role)
    client = cast.client(user)
    for letter in ("", *"abcdefghijklmnopqrstuvwxyz"):
        for option in palette.pages(user, letter).options:
            assert client.get(option.href).status_code in {200, 302}, option.href


@pytest.mark.parametrize("text", ["#{pk}", "{pk}", "dial tone", "dial to", "martin", "ada mar"])
def test_conversations_go_by_number_words_and_contact_for_those_who_may_see_them(cast: Cast, text: str) -> None:
    query = f"q={text.format(pk=cast.conversation.pk)}".replace("#", "%23").replace(" ", "+")
    address = f"/conversations/{cast.conversation.pk}/"
    assert address in options(cast, query)
    assert address not in options(cast, query, cast.stranger)


def test_contacts_go_by_name_for_those_who_may_see_them(cast: Cast) -> None:
    address = f"/contacts/{cast.conversation.contact_id}/"
    assert address in options(cast, "q=martin")
    assert address not in options(cast, "q=martin", cast.stranger)


def test_saved_views_go_by_name_for_those_who_see_them(cast: Cast) -> None:
    view = SavedView.objects.create(name="Angry letters", owner=cast.agent)
    for query in ("q=angry", f"recent=view:{view.pk}"):
        assert f"/?saved={view.pk}" in options(cast, query)
        assert f"/?saved={view.pk}" not in options(cast, query, cast.colleague)


def test_what_was_used_lately_is_shown_in_its_order_as_far_as_it_may_be_seen(cast: Cast) -> None:
    second = builders.make_conversation(cast.account, subject="Second")
    lately = f"recent=conversation:{second.pk},go:work,conversation:{cast.conversation.pk},contact:0,<b>,go:x"
    page = options(cast, lately)
    first = page.partition("Used lately")[2].partition("Go to")[0]
    assert first.index("Second") < first.index("My work") < first.index("No dial tone")
    assert "Second" not in options(cast, lately, cast.stranger)


@pytest.mark.parametrize("text", ["", "x", "'", "\\", "&|!", "%00", "🙂", "a" * 500, "9" * 40])
def test_nothing_that_is_typed_breaks_it(cast: Cast, text: str) -> None:
    assert cast.client().get("/palette", {"q": text}, headers=HTMX).status_code == 200


def test_without_a_script_it_is_the_search(cast: Cast) -> None:
    response = cast.client().get("/palette", {"q": "dial tone"})
    assert response.headers["Location"] == "/search?q=dial+tone"


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_sheet_of_keys_is_a_page_and_a_fragment(cast: Cast, headers: dict[str, str], language: str) -> None:
    User.objects.filter(pk=cast.agent.pk).update(language=language)
    page = cast.client().get("/keys/", headers=headers).content.decode()
    assert ("<html" in page) is not bool(headers)
    assert ("répondre" if language == "fr" else "reply") in page


def test_single_keys_are_a_choice_of_the_person(cast: Cast) -> None:
    client = cast.client()
    assert 'data-shortcuts="off"' not in client.get("/").content.decode()
    client.post("/me/", {"name": "C", "language": "en", "time_zone": "UTC", "theme": "auto"})
    assert 'data-shortcuts="off"' in client.get("/").content.decode()


@pytest.mark.parametrize(("language", "name"), [("en", "Queue"), ("fr", "File d’attente")])
def test_the_manifest_speaks_the_language_asked_for(language: str, name: str) -> None:
    response = Client().get(f"/manifest.webmanifest?lang={language}")
    manifest = json.loads(response.content)
    assert (response.status_code, manifest["lang"], manifest["shortcuts"][0]["name"]) == (200, language, name)
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}


def test_the_worker_and_its_page_are_everybodys_and_say_nothing_about_anybody(cast: Cast) -> None:
    for client in (Client(), cast.client()):
        worker = client.get("/sw.js?lang=fr")
        assert worker.headers["Content-Type"].startswith("text/javascript")
        assert r"/offline?lang\u003Dfr" in worker.content.decode()
        page = client.get("/offline?lang=fr").content.decode()
        assert "Pas de connexion" in page and cast.agent.name not in page


@pytest.mark.parametrize("path", ["/manifest.webmanifest", "/sw.js", "/offline"])
def test_they_only_answer_reading(db: None, path: str) -> None:
    assert Client().post(path).status_code == 405
