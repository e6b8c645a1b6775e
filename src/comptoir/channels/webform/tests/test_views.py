"""The form's screens: what is typed arrives once; what cannot arrive is refused in words and nothing is stored."""

import html
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from comptoir.channels.models import ChannelAccount
from comptoir.channels.webform import rules, views
from comptoir.core import bulk, clock, proof, storage
from comptoir.core.ratelimit import Limit
from comptoir.inbound.models import Record
from comptoir.testing.builders import make_account, make_team, make_user

pytestmark = pytest.mark.django_db

TYPED = {
    "name": "Ada Martin",
    "email": "ada@example.net",
    "subject": "No dial tone",
    "message": "My line is dead.\r\nSince Monday.",
}


@pytest.fixture
def account() -> ChannelAccount:
    return make_account(make_team(), kind="webform", options={"title": "Write to Horizon", "topics": "Bill\nLine"})


@pytest.fixture(autouse=True)
def _no_old_counts() -> Iterator[None]:
    yield
    bulk.fetch_all("DELETE FROM core_cache", [])


def address(account: ChannelAccount, tail: str = "") -> str:
    return f"/c/webform/{account.public_key}/{tail}"


def token_for(account: ChannelAccount, *, age: float = 0) -> str:
    at = clock.now() - timedelta(seconds=age)
    return proof.issue_token(purpose=f"webform:{account.public_key}", at=at)


def send(account: ChannelAccount, drawn: str, /, **changes: Any) -> Any:
    values = {**TYPED, "token": drawn, "solution": proof.solve(drawn), **changes}
    return Client().post(address(account), {k: v for k, v in values.items() if v is not None})


def records() -> list[dict[str, Any]]:
    return [json.loads(bytes(raw)) for raw in Record.objects.order_by("id").values_list("raw", flat=True)]


def test_the_page_shows_the_accounts_words_and_may_be_framed(account: ChannelAccount) -> None:
    response = Client().get(address(account))
    assert response.status_code == 200
    assert b"Write to Horizon" in response.content and b'<option value="Bill">' in response.content
    assert "frame-ancestors *" in response["Content-Security-Policy"]
    assert "X-Frame-Options" not in response
    assert not response.cookies


def test_only_named_sites_may_frame_it(account: ChannelAccount) -> None:
    account.options["sites"] = "https://www.example.org/\nnonsense; script-src *"
    account.save()
    policy = Client().get(address(account))["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'self' https://www.example.org")


@pytest.mark.parametrize(("query", "language"), [("?lang=fr", "fr"), ("?lang=en", "en")])
def test_the_language_is_the_one_asked_for(account: ChannelAccount, query: str, language: str) -> None:
    response = Client().get(address(account, query), headers={"accept-language": "de"})
    assert f'<html lang="{language}">'.encode() in response.content


def test_staff_see_the_language_that_the_address_names(account: ChannelAccount) -> None:
    client = Client()
    client.force_login(make_user(account.team, language="en"))
    assert b'<html lang="fr">' in client.get(address(account, "?lang=fr")).content


def test_the_browsers_language_decides_otherwise(account: ChannelAccount) -> None:
    response = Client().get(address(account), headers={"accept-language": "fr-CA,fr;q=0.9"})
    assert b'<html lang="fr">' in response.content


def test_a_submission_becomes_one_record(account: ChannelAccount) -> None:
    token = token_for(account)
    response = send(account, token, topic="Line")
    assert response.status_code == 303
    assert re.fullmatch(rf"/c/webform/{account.public_key}/sent/F(-[A-Z2-7]{{4}}){{3}}/", response["Location"])
    (stored,) = records()
    assert stored["message"] == "My line is dead.\nSince Monday."
    assert (stored["email"], stored["topic"]) == ("ada@example.net", "Line")
    thanks = Client().get(response["Location"])
    assert thanks.status_code == 200 and stored["reference"].encode() in thanks.content


def test_sending_twice_is_one_message(account: ChannelAccount) -> None:
    """INV-02: the one-time token is the external id."""
    token = token_for(account)
    first, second = send(account, token), send(account, token)
    assert first.status_code == second.status_code == 303
    assert first["Location"] == second["Location"]
    assert len(records()) == 1


def test_a_changed_text_under_a_used_token_is_not_lost_silently(account: ChannelAccount) -> None:
    token = token_for(account)
    send(account, token)
    response = send(account, token, message="Something else.")
    assert response.status_code == 409
    assert b"Something else." in response.content and records()[0]["reference"].encode() in response.content
    new = re.search(r'name="token" value="([^"]+)"', response.content.decode())
    assert new and send(account, new[1], message="Something else.").status_code == 303
    assert len(records()) == 2


def test_it_works_without_a_script_after_a_few_seconds(account: ChannelAccount) -> None:
    assert send(account, token_for(account, age=proof.PLAIN_WAIT + 1), solution="").status_code == 303


CASES = [
    ("too fast without a script", {"solution": ""}, 0),
    ("a wrong solution", {"solution": "1"}, 0),
    ("the trap filled in", {"website": "http://spam.example"}, 0),
    ("a token of another screen", {"token": proof.__name__}, 0),
    ("no token", {"token": None}, 0),
    ("an old token", {}, proof.LIFETIME + 10),
]


@pytest.mark.parametrize(("case", "changes", "age"), CASES, ids=[c[0] for c in CASES])
def test_spam_is_refused_and_the_text_kept(
    account: ChannelAccount, case: str, changes: dict[str, Any], age: float
) -> None:
    response = send(account, token_for(account, age=age), **changes)
    assert response.status_code == 422
    assert b"My line is dead." in response.content and b'role="alert"' in response.content
    assert records() == []


def test_a_token_of_another_form_is_refused(account: ChannelAccount) -> None:
    other = make_account(make_team(), kind="webform")
    assert send(account, token_for(other)).status_code == 422
    assert records() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "  "}, "Tell us your name."),
        ({"email": "ada@"}, "This is not a complete e-mail address."),
        ({"subject": ""}, "Say in a few words"),
        ({"message": ""}, "Write your message."),
        ({"topic": "Invented"}, "Choose one of the topics."),
        ({"message": "x" * (rules.MAX_MESSAGE + 1)}, "20000"),
    ],
)
def test_what_is_wrong_stands_beside_the_field(account: ChannelAccount, changes: dict[str, str], words: str) -> None:
    response = send(account, token_for(account), **changes)
    assert response.status_code == 422
    assert words in html.unescape(response.content.decode())
    assert b"ada@" in response.content and records() == []


def test_files_are_stored_and_named_safely(account: ChannelAccount) -> None:
    files = [
        SimpleUploadedFile("photo.png", b"\x89PNG", "image/png"),
        SimpleUploadedFile("x.txt", b"two", "text/html; charset=<script>"),
    ]
    vars(files[1])["_name"] = "..\\..\\\u202egnp.exe\x07"
    assert send(account, token_for(account), files=files).status_code == 303
    first, second = records()[0]["files"]
    assert (first["filename"], first["content_type"], storage.get(first["key"])) == (
        "photo.png",
        "image/png",
        b"\x89PNG",
    )
    assert second["filename"] == "gnp.exe" and second["content_type"] == "text/html"
    assert storage.get(second["key"]) == b"two"


def test_files_survive_an_error_elsewhere(account: ChannelAccount) -> None:
    files = [SimpleUploadedFile("a.txt", b"A"), SimpleUploadedFile("b.txt", b"B")]
    page = send(account, token_for(account), name="", files=files).content.decode()
    kept = re.search(r'name="kept" value="([^"]+)"', page)
    assert kept and "a.txt" in page
    assert send(account, token_for(account), kept=kept[1], drop0="on").status_code == 303
    assert [f["filename"] for f in records()[0]["files"]] == ["b.txt"]


def test_forged_kept_files_are_ignored(account: ChannelAccount) -> None:
    """Nobody may attach a stored file of somebody else by naming its key."""
    assert send(account, token_for(account), kept='[{"key": "' + "0" * 64 + '"}]').status_code == 303
    assert records()[0]["files"] == []


def test_too_many_and_too_large_files_are_named(account: ChannelAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comptoir.channels.webform.forms.MAX_FILE_BYTES", 5)
    files = [SimpleUploadedFile(f"{n}.txt", b"x" * (9 if n == 0 else 1)) for n in range(7)]
    response = send(account, token_for(account), files=files)
    text = html.unescape(response.content.decode())
    assert response.status_code == 422
    assert "“0.txt” has" in text and "“6.txt” was left out" in text and records() == []


def test_an_oversized_body_is_refused_in_words(account: ChannelAccount) -> None:
    response = Client().post(
        address(account), b"x" * 100, content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(rules.MAX_BODY_BYTES + 1),
    )  # fmt: skip
    assert response.status_code == 413
    assert b"too large" in response.content and records() == []


def test_a_huge_text_without_files_is_refused_in_words(account: ChannelAccount) -> None:
    response = Client().post(address(account), {**TYPED, "message": "é" * 6_000_000})
    assert response.status_code in {413, 422} and records() == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        ("multipart/form-data", b""),
        ("application/x-www-form-urlencoded; charset=latin-1", b"name=%ff"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(1100))),
        ("application/json", b"{" * 100_000),
        ("application/x-www-form-urlencoded", b"name=%00%ff&message=\x00"),
    ],
)
def test_damaged_bodies_never_break_it(account: ChannelAccount, content_type: str, body: bytes) -> None:
    response = Client().post(address(account), body, content_type=content_type)
    assert response.status_code in {400, 413, 422} and records() == []


def test_unknown_and_closed_forms_are_not_found(account: ChannelAccount) -> None:
    for key in ("nothing", "x" * 99, "%00", "é"):
        assert Client().get(f"/c/webform/{key}/").status_code == 404
    account.is_active = False
    account.save()
    assert send(account, token_for(account)).status_code == 404
    assert Client().get(address(account, "sent/F-AAAA-BBBB-CCCC/")).status_code == 404
    assert records() == []


def test_a_chats_key_opens_no_form() -> None:
    chat = make_account(make_team(), kind="webchat")
    assert Client().get(address(chat)).status_code == 404


def test_other_methods_are_refused(account: ChannelAccount) -> None:
    assert Client().put(address(account)).status_code == 405
    assert Client().post(address(account, "sent/F-AAAA-BBBB-CCCC/")).status_code == 405
    assert Client().get(address(account, "sent/<script>/")).status_code == 404


def test_the_limit_says_how_long_to_wait_and_keeps_the_text(
    account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "SOLVED", Limit("test-solved", 1, 120))
    assert send(account, token_for(account)).status_code == 303
    response = send(account, token_for(account))
    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 120
    assert b"My line is dead." in response.content and b"try again in 2" in response.content
    assert len(records()) == 1


def test_the_promise_is_the_accounts_own_or_none(account: ChannelAccount) -> None:
    assert b'class="when"' not in Client().get(address(account)).content
    account.options["promise"] = "Within one working day."
    account.save()
    assert b"Within one working day." in Client().get(address(account)).content
