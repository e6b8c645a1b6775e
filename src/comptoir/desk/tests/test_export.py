"""A conversation written down: every form says what was said, notes by choice, and the journal remembers who."""

import email
import json
import mailbox
from pathlib import Path
from typing import Any

import pytest

from comptoir.accounts.services import actor_of
from comptoir.conversations import services
from comptoir.conversations.models import Message
from comptoir.desk.tests.conftest import Cast
from comptoir.journal.models import Event
from comptoir.testing import builders

FORMS = ("html", "txt", "json", "mbox")


@pytest.fixture
def told(cast: Cast) -> Cast:
    answer = builders.make_message(
        cast.conversation, kind="out", user=cast.agent, text="From now on it works & <stays>."
    )
    builders.make_attachment(answer, filename="bill.txt", content=b"42 euros")
    builders.make_message(cast.conversation, kind="note", user=cast.agent, text="A difficult customer")
    services.assign_conversation(actor=actor_of(cast.agent), conversation=cast.conversation, assignee=cast.colleague)
    return cast


def export(cast: Cast, form: str, **data: str) -> bytes:
    response = cast.client().post(f"/conversations/{cast.conversation.pk}/export.{form}", data)
    assert response.status_code == 200
    assert response.headers["Content-Disposition"].startswith(
        f'attachment; filename="conversation-{cast.conversation.pk}.'
    )
    assert "sandbox" in response.headers["Content-Security-Policy"]
    return bytes(response.content)


@pytest.mark.parametrize("form", FORMS)
def test_notes_go_along_only_when_they_are_asked_for(told: Cast, form: str) -> None:
    without, with_notes = export(told, form), export(told, form, notes="on")
    for content in (without, with_notes):
        assert b"my line has been dead" in content and b"bill.txt" in content
    assert b"A difficult customer" not in without
    assert b"A difficult customer" in with_notes


@pytest.mark.parametrize("form", FORMS)
def test_the_journal_remembers_who_exported_what(told: Cast, form: str) -> None:
    export(told, form, notes="on")
    event = Event.objects.get(kind="conversation.exported")
    assert (event.conversation_id, event.actor_id) == (told.conversation.pk, told.agent.pk)
    assert event.facts == {"form": form, "with_notes": True}


@pytest.mark.parametrize("form", FORMS)
def test_a_stranger_gets_nothing_and_nothing_is_noted(told: Cast, form: str) -> None:
    response = told.client(told.stranger).post(f"/conversations/{told.conversation.pk}/export.{form}")
    assert response.status_code == 404
    assert not Event.objects.filter(kind="conversation.exported").exists()


@pytest.mark.parametrize(("method", "form", "status"), [("get", "json", 405), ("post", "pdf", 404)])
def test_reading_exports_nothing_and_unknown_forms_do_not_exist(
    told: Cast, method: str, form: str, status: int
) -> None:
    response = getattr(told.client(), method)(f"/conversations/{told.conversation.pk}/export.{form}")
    assert response.status_code == status
    assert not Event.objects.filter(kind="conversation.exported").exists()


def test_json_is_complete(told: Cast) -> None:
    found = json.loads(export(told, "json", notes="on"))
    assert [message["kind"] for message in found["messages"]] == ["received", "sent", "note"]
    assert found["messages"][1]["files"][0]["name"] == "bill.txt"
    assert [event["kind"] for event in found["events"]] == ["conversation.assigned"]
    assert found["contact"]["identities"][0]["kind"] == "email"
    assert json.loads(export(told, "json"))["events"] == []


def test_the_page_escapes_what_was_written_and_needs_nothing_from_anywhere(told: Cast) -> None:
    builders.make_message(told.conversation, text="<script>alert(1)</script> <img src=https://t.example/x.png>")
    page = export(told, "html").decode()
    assert "&lt;script&gt;" in page and "<script" not in page and "<img" not in page and "<link" not in page


def test_mbox_keeps_the_original_and_separates_mails_safely(told: Cast, tmp_path: Path) -> None:
    raw = b"Subject: original\r\nFrom: a@example.net\r\n\r\nHello\r\nFrom here it hurts\r\n"
    record = builders.make_record(told.account, raw=raw, content_type="message/rfc822")
    builders.make_message(told.conversation, text="Hello", record=record)
    path = tmp_path / "x.mbox"
    path.write_bytes(export(told, "mbox"))
    box = mailbox.mbox(path)
    mails = list(box)
    box.close()
    assert [mail["Subject"] for mail in mails] == ["No dial tone", "No dial tone", "original"]
    answer = email.message_from_bytes(mails[1].as_bytes())
    parts: list[Any] = [part.get_payload(decode=True) for part in answer.walk() if not part.is_multipart()]
    assert parts[0].startswith(b">From now on it works") and parts[1] == b"42 euros"


def test_for_printing_it_is_shown_and_not_downloaded(told: Cast) -> None:
    response = told.client().post(f"/conversations/{told.conversation.pk}/export.html", {"show": "1"})
    assert response.headers["Content-Disposition"].startswith("inline")


def test_the_choice_is_offered(told: Cast) -> None:
    page = told.client().get(f"/conversations/{told.conversation.pk}/export/").content.decode()
    assert all(f"/export.{form}" in page for form in FORMS)


def test_mails_that_are_too_large_are_refused_before_they_are_read(told: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    record = builders.make_record(told.account, raw=b"x" * 3000, content_type="message/rfc822")
    Message.objects.filter(pk=told.message.pk).update(record=record)
    monkeypatch.setattr("comptoir.desk.export.MBOX_BYTES", 2000)
    monkeypatch.setattr("comptoir.desk.export.originals", lambda messages: pytest.fail("read"))
    page = told.client().post(f"/conversations/{told.conversation.pk}/export.mbox", follow=True)
    assert "larger than 100 MB" in page.content.decode()
