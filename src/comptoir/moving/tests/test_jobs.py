"""An import is tried, confirmed and run: nothing twice (INV-02), nothing unsafe (INV-07), all of it told (INV-04)."""

import io
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.channels.models import ChannelAccount
from comptoir.contacts.models import Contact, Identity
from comptoir.conversations.models import Attachment, Conversation, Message, Reference
from comptoir.core import clock, storage
from comptoir.core.errors import Conflict
from comptoir.journal.models import Event
from comptoir.knowledge.models import SavedReply
from comptoir.moving import jobs, services, sources
from comptoir.moving.models import Arrived, Import, Stage
from comptoir.moving.tests.test_readers import FIXTURES, as_zip
from comptoir.testing import builders

pytestmark = pytest.mark.django_db


@dataclass
class Cast:
    """Who moves in, and where to."""

    camille: User
    account: ChannelAccount

    def start(self, system: str, content: bytes, name: str = "export.zip", **more: Any) -> Import:
        """Upload an export."""
        return services.start_import(
            actor=actor_of(self.camille), user=self.camille, system=system, file_name=name,
            file_key=storage.put(content), account=self.account, **more,
        )  # fmt: skip

    def bring(self, system: str, folder: str = "", **more: Any) -> Import:
        """Upload, try, confirm and run an export."""
        job = self.start(system, as_zip(FIXTURES / (folder or system)), **more)
        assert jobs.run_due(lambda: False)
        job.refresh_from_db()
        assert job.stage == Stage.TRIED, job.reason
        services.confirm_import(actor=actor_of(self.camille), job=job)
        assert jobs.run_due(lambda: False)
        job.refresh_from_db()
        assert job.stage == Stage.DONE, job.reason
        return job


@pytest.fixture
def cast(db: None) -> Cast:
    team = builders.make_team("Service")
    camille = builders.make_user(team, name="Camille Roux", email="camille@acme.example", role="admin")
    return Cast(camille, builders.make_account(team, name="Desk", address="desk@acme.example"))


def everything() -> dict[str, int]:
    models = (Contact, Identity, Conversation, Message, Attachment, Reference, Event, Arrived)
    return {model.__name__: model._default_manager.count() for model in models}


def test_zendesk_moves_in(cast: Cast) -> None:
    job = cast.bring("zendesk")
    assert job.report["new"] == {"contacts": 2, "conversations": 2, "replies": 1, "articles": 1}
    assert job.report["unknown_agents"] == {"gone@acme.example": 1}
    assert job.report["unknown_inboxes"] == {"service@acme.example": 1}
    assert (job.report["files"], job.report["absent_files"], job.report["skipped"]) == (1, 1, 3)
    assert {key: job.trial[key] for key in job.report} == job.report  # the trial had said the same
    row = Conversation.objects.get(subject="Plus de tonalité")
    assert (row.state, row.priority, row.assignee, row.message_count) == ("open", 1, cast.camille, 4)
    assert row.created_at.isoformat() == "2024-03-01T08:00:00+00:00"
    assert row.waiting_since is not None and row.waiting_since.isoformat() == "2024-03-02T08:00:00+00:00"
    assert row.contact.name == "Ada Martin" and row.contact.company == "Martin SARL"
    assert row.contact.attributes == {"plan": "Fibre", "notes": "VIP", "phone": "+33 6 12 34 56 78"}
    told = Event.objects.get(kind="conversation.imported", conversation_id=row.pk).facts
    assert told["tags"] and sorted(row.labels.values_list("name", flat=True)) == sorted(told["tags"])
    reply = SavedReply.objects.get()
    assert reply.versions.get().body and "{{" not in reply.versions.get().body
    first, note, answer, _again = row.messages.order_by("created_at")
    assert "script" not in first.html and "<b>coupée</b>" in first.html
    assert first.text == "Bonjour, ma ligne est coupée."
    assert storage.get(first.attachments.get().key) == b"hello"
    assert (note.kind, note.user) == ("note", cast.camille)
    assert (answer.kind, answer.user, answer.author_name) == ("out", None, "Gone Agent")
    event = Event.objects.get(kind="conversation.imported", conversation_id=row.pk)
    assert event.facts["tags"] == ["fibre", "urgence"] and event.facts["absent_files"] == ["absent.pdf"]
    assert event.actor_id == cast.camille.pk
    assert not Event.objects.filter(kind__in=["message.received", "conversation.created"]).exists()
    kept = Arrived.objects.get(kind="reply")
    assert kept.content["text"] == "Voici la copie."


@pytest.mark.parametrize(
    ("system", "folder", "found"),
    [
        ("zammad", "", 2),
        ("chatwoot", "", 2),
        ("freescout", "", 1),
        ("freescout", "freescout_sql", 1),
        ("csv", "", 2),
    ],
)
def test_a_second_run_changes_nothing(cast: Cast, system: str, folder: str, found: int) -> None:
    first = cast.bring(system, folder)
    assert first.report["new"]["conversations"] == found
    before = everything()
    again = cast.bring(system, folder)
    after = everything()
    # What is told is only that the import itself was started, tried, confirmed and done.
    assert after.pop("Event") - before.pop("Event") == 4
    assert after == before
    assert again.report["new"] == {}
    assert again.report["known"] == first.report["new"]


def test_two_installations_of_one_system_do_not_mix(cast: Cast) -> None:
    cast.bring("zendesk")
    cast.bring("zendesk", origin="other")
    assert Conversation.objects.filter(subject="Plus de tonalité").count() == 2
    assert Identity.objects.filter(address="ada@example.net").count() == 1


def test_a_trial_writes_nothing_but_its_report(cast: Cast) -> None:
    cast.start("zendesk", as_zip(FIXTURES / "zendesk"))
    before = everything()
    assert jobs.run_due(lambda: False)
    after = everything()
    assert after.pop("Event") - before.pop("Event") == 1  # that it was tried
    assert after == before


def test_an_import_that_was_killed_goes_on_where_it_was(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "BATCH_ITEMS", 2)
    job = cast.start("zendesk", as_zip(FIXTURES / "zendesk"))
    jobs.run_due(lambda: False)
    services.confirm_import(actor=actor_of(cast.camille), job=job)
    # Two batches, and then nothing more is heard of this worker: its lease stays.
    dead = services.claim_import(at=clock.now())
    assert dead is not None
    steps = iter([False, True])
    with sources.open_file("export.zip", lambda: storage.opened(dead.file_key)) as source:
        assert not jobs.carry_out(dead, source, actor=actor_of(cast.camille), stopped=lambda: next(steps))
    assert Import.objects.get(pk=job.pk).position == 4
    assert not jobs.run_due(lambda: False)  # it may still be alive
    Import.objects.filter(pk=job.pk).update(held_until=clock.now() - timedelta(seconds=1))
    assert jobs.run_due(lambda: False)
    job.refresh_from_db()
    assert job.stage == Stage.DONE
    assert job.report["new"] == {"contacts": 2, "conversations": 2, "replies": 1, "articles": 1}
    assert Message.objects.count() == 6
    with sources.open_file("export.zip", lambda: storage.opened(dead.file_key)) as source, pytest.raises(Conflict):
        jobs.carry_out(dead, source, actor=actor_of(cast.camille))  # the dead one wakes up


def test_a_broken_file_is_told_in_the_persons_language(cast: Cast) -> None:
    User.objects.filter(pk=cast.camille.pk).update(language="fr")
    job = cast.start("zendesk", b'{"tickets": [', "tickets.json")
    assert jobs.run_due(lambda: False)
    job.refresh_from_db()
    assert job.stage == Stage.FAILED
    assert "tickets.json" in job.reason
    assert not jobs.run_due(lambda: False)
    with pytest.raises(Conflict):
        services.confirm_import(actor=actor_of(cast.camille), job=job)


def test_an_export_of_another_system_is_no_success(cast: Cast) -> None:
    job = cast.start("zendesk", b'[{"id": 1, "foo": 2}]', "x.json")
    jobs.run_due(lambda: False)
    job.refresh_from_db()
    assert job.stage == Stage.FAILED and "Zendesk" in job.reason


def test_an_answer_of_today_finds_the_conversation_of_then(cast: Cast) -> None:
    from comptoir import pipeline
    from comptoir.inbound import log
    from comptoir.inbound.services import Arrival, receive

    cast.bring("zammad")
    raw = (
        b"From: ada@example.net\r\nTo: desk@acme.example\r\nSubject: Re: Panne\r\nMessage-ID: <new@example.net>\r\n"
        b"In-Reply-To: <second@acme.example>\r\nDate: Thu, 26 Nov 2026 10:00:00 +0000\r\n\r\nStill broken\r\n"
    )
    receive([Arrival(cast.account.pk, "new", raw, content_type="message/rfc822")])
    pipeline.digest_shards(log.busy_shards(), limit=10)
    row = Conversation.objects.get(subject="Panne")
    assert row.messages.filter(text__contains="Still broken").exists()


def test_an_inbox_that_is_connected_here_gets_its_conversations(cast: Cast) -> None:
    team = builders.make_team("Sales")
    mailbox = builders.make_account(team, name="Service mailbox", address="service@acme.example")
    cast.bring("zendesk")
    row = Conversation.objects.get(subject="Plus de tonalité")
    assert (row.account, row.team, row.assignee) == (mailbox, team, None)  # Camille is not in that team


def test_hostile_rows_end_as_rows_or_as_reasons(cast: Cast) -> None:
    rows = (
        '[{"id":1,"requester":{"id":1,"email":"a@example.net","name":"\\u0000A\\ud800"},"created_at":"2024-01-01",'
        '"subject":"' + "x" * 5000 + '","status":"?","tags":["' + "t" * 500 + '"],'
        '"comments":[{"author_id":1,"plain_body":"\\u0000hi","created_at":"2024-01-01T00:00:00+25:00"},'
        '{"author_id":1,"plain_body":"\\u0000hi\\ud800","created_at":1704067200},"x",null,[1]]},'
        '{"id":2,"requester":"nobody","comments":{"a":1}},{"id":[3],"requester_id":1},{"id":4,"requester":{}}]'
    )
    job = cast.start("zendesk", rows.encode(), "tickets.json")
    jobs.run_due(lambda: False)
    services.confirm_import(actor=actor_of(cast.camille), job=Import.objects.get(pk=job.pk))
    jobs.run_due(lambda: False)
    job.refresh_from_db()
    assert job.stage == Stage.DONE, job.reason
    assert Message.objects.get().text == "hi"
    assert job.report["skipped"] == 3


def test_a_path_is_read_without_an_upload(cast: Cast, tmp_path: Path) -> None:
    packed = tmp_path / "export.zip"
    packed.write_bytes(as_zip(FIXTURES / "chatwoot"))
    job = Import(system="chatwoot", account=cast.account, team_id=cast.account.team_id)
    with sources.open_path(packed) as source:
        report = jobs.survey(job, source, actor=actor_of(cast.camille))
    assert report.new["conversations"] == 2
    assert not Import.objects.exists()
    assert io.BytesIO(packed.read_bytes()).read(2) == b"PK"
