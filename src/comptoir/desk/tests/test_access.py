"""Every address of the desk, by one table: strangers are refused and nothing changes, the wrong method is refused."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.urls import get_resolver, reverse

from comptoir.accounts.services import actor_of
from comptoir.contacts.models import ContactMerge
from comptoir.conversations import changing, linking, saving
from comptoir.conversations.filtering import QueueFilter
from comptoir.conversations.models import Placement
from comptoir.core import clock
from comptoir.desk import urls
from comptoir.desk.tests.conftest import Cast
from comptoir.journal import services as journal
from comptoir.knowledge.models import Macro, SavedReply
from comptoir.knowledge.services import ReplyWords, save_macro, save_reply
from comptoir.outbound.models import DeliveryState
from comptoir.testing import builders

# name: (methods, arguments, what is sent). 'own' addresses are everybody's own and have no stranger.
TABLE: dict[str, tuple[str, Callable[[Cast], dict[str, int | str]] | None, dict[str, str]]] = {
    "queue": ("GET", None, {}),
    "next": ("GET", None, {}),
    "batch": ("POST", None, {"do": "solved", "pick": "1"}),
    "batch_form": ("POST", None, {"pick": "1"}),
    "batch_menu": ("GET", None, {}),
    "work": ("GET", None, {}),
    "views": ("GET", None, {}),
    "view_new": ("GET", None, {}),
    "view_counts": ("GET", None, {}),
    "view_preview": ("GET", None, {}),
    "label_settings": ("GET", None, {}),
    "field_settings": ("GET", None, {}),
    "view": ("GET", lambda c: {"view_id": _view(c)}, {}),
    "view_deletion": ("POST", lambda c: {"view_id": _view(c)}, {}),
    "view_position": ("POST", lambda c: {"view_id": _view(c)}, {"move": "up"}),
    "bulk_undo": ("POST", lambda c: {"change_id": _bulk(c)}, {}),
    "conversation_labels": ("GET", lambda c: {"conversation_id": c.conversation.pk}, {}),
    "unread": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {}),
    "panel": ("GET", lambda c: {"conversation_id": c.conversation.pk}, {}),
    "conversation_fields": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {}),
    "links": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {"target": "1"}),
    "link_removal": ("POST", lambda c: {"link_id": _link(c)}, {}),
    "contact_fields": ("POST", lambda c: {"contact_id": c.conversation.contact_id}, {}),
    "label": ("POST", None, {"name": "Mine", "colour": "red"}),
    "label_merge": ("POST", None, {"target": "1"}),
    "label_deletion": ("POST", None, {}),
    "field": ("POST", None, {"name": "Mine"}),
    "field_position": ("POST", None, {"move": "up"}),
    "field_deletion": ("POST", None, {}),
    "search": ("GET", None, {}),
    "palette": ("GET", None, {}),
    "keys": ("GET", None, {}),
    "contacts": ("GET", None, {}),
    "intake": ("GET", None, {}),
    "replays": ("POST", None, {}),
    "channels": ("GET", None, {}),
    "me": ("GET", None, {}),
    "my_reminders": ("GET", None, {}),
    "notifications": ("GET", None, {}),
    "notifications_fresh": ("GET", None, {}),
    "notifications_reading": ("POST", None, {}),
    "notification_preferences": ("GET", None, {}),
    "notification": ("GET", lambda c: {"notification_id": _notification(c)}, {}),
    "presence": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {"tab": "0123456789abcdef", "typing": "1"}),
    "following": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {"follow": "1"}),
    "reminders": ("GET", lambda c: {"conversation_id": c.conversation.pk}, {}),
    "reminder_cancellation": ("POST", lambda c: {"reminder_id": _reminder(c)}, {}),
    "channel_new": ("GET", None, {}),
    "conversation": ("GET", lambda c: {"conversation_id": c.conversation.pk}, {}),
    "timeline": ("GET", lambda c: {"conversation_id": c.conversation.pk}, {}),
    "messages": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {"kind": "note", "text": "hello"}),
    "draft": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {"text": "Half a sent"}),
    "draft_files": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {}),
    "draft_file_removal": ("POST", lambda c: {"conversation_id": c.conversation.pk, "file_id": "0a"}, {}),
    "draft_disposal": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {}),
    "mentionable": ("GET", lambda c: {"conversation_id": c.conversation.pk}, {}),
    "preview": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {"text": "Hello"}),
    "roads": ("GET", lambda c: {"conversation_id": c.conversation.pk}, {}),
    "reply_picker": ("GET", lambda c: {"conversation_id": c.conversation.pk}, {}),
    "reply_use": ("POST", lambda c: {"conversation_id": c.conversation.pk, "reply_id": _reply(c).pk}, {}),
    "macro_menu": ("GET", lambda c: {"conversation_id": c.conversation.pk}, {}),
    "macro_application": ("POST", lambda c: {"conversation_id": c.conversation.pk, "macro_id": _macro(c).pk}, {}),
    "macro_undo": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {"token": "x"}),
    "drafts": ("GET", None, {}),
    "replies": ("GET", None, {}),
    "reply_new": ("GET", None, {}),
    "reply": ("GET", lambda c: {"reply_id": _reply(c).pk}, {}),
    "reply_deletion": ("POST", lambda c: {"reply_id": _reply(c).pk}, {}),
    "macros": ("GET", None, {}),
    "macro_new": ("GET", None, {}),
    "macro": ("GET", lambda c: {"macro_id": _macro(c).pk}, {}),
    "macro_deletion": ("POST", lambda c: {"macro_id": _macro(c).pk}, {}),
    "assignment": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {"assignee": ""}),
    "state": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {"state": "solved"}),
    "snooze": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {"until": "tomorrow"}),
    "priority": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {"priority": "2"}),
    "export_choice": ("GET", lambda c: {"conversation_id": c.conversation.pk}, {}),
    "export": ("POST", lambda c: {"conversation_id": c.conversation.pk, "form": "json"}, {}),
    "merge": ("GET", lambda c: {"conversation_id": c.conversation.pk}, {}),
    "merges": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {"target": "1"}),
    "moves": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {"target": "1", "message": "1"}),
    "splits": ("POST", lambda c: {"conversation_id": c.conversation.pk}, {"message": "1"}),
    "placement_undo": ("POST", lambda c: {"placement_id": _placement(c).pk}, {}),
    "place": ("GET", lambda c: {"message_id": c.message.pk}, {}),
    "message_html": ("GET", lambda c: {"message_id": c.message.pk}, {}),
    "original": ("GET", lambda c: {"message_id": c.message.pk}, {}),
    "source": ("GET", lambda c: {"message_id": c.message.pk}, {}),
    "attachment": ("GET", lambda c: {"attachment_id": builders.make_attachment(c.message).pk}, {}),
    "cancellation": ("POST", lambda c: {"delivery_id": _delivery(c, DeliveryState.QUEUED)}, {}),
    "retry": ("POST", lambda c: {"delivery_id": _delivery(c, DeliveryState.FAILED)}, {}),
    "confirmation": ("POST", lambda c: {"delivery_id": _delivery(c, DeliveryState.UNCONFIRMED)}, {}),
    "contact": ("GET", lambda c: {"contact_id": c.conversation.contact_id}, {}),
    "contact_merges": ("POST", lambda c: {"contact_id": c.conversation.contact_id}, {"absorbed": "1"}),
    "contact_merge_undo": ("POST", lambda c: {"merge_id": _contact_merge(c).pk}, {}),
    "record": ("GET", lambda c: {"record_id": builders.make_record(c.account).pk}, {}),
    "channel": ("GET", lambda c: {"account_id": c.account.pk}, {}),
    "channel_test": ("POST", lambda c: {"account_id": c.account.pk}, {}),
    "channel_health": ("GET", lambda c: {"account_id": c.account.pk}, {}),
    "channel_replay": ("POST", lambda c: {"account_id": c.account.pk}, {"kind": "failed"}),
    "channel_templates": ("POST", lambda c: {"account_id": c.account.pk}, {}),
    "channel_compare": ("GET", None, {}),
    "channel_guide": ("GET", None, {}),
    "hiding": ("POST", lambda c: {"message_id": c.message.pk}, {"hidden": "1"}),
    "setup": ("GET", None, {}),
    "setup_mailbox": ("GET", None, {}),
    "setup_servers": ("GET", None, {}),
    "setup_trial": ("GET", lambda c: {"account_id": _mailbox(c)}, {}),
    "setup_step": ("POST", lambda c: {"account_id": _mailbox(c), "number": 0}, {}),
    "setup_arrival": ("GET", lambda c: {"account_id": _mailbox(c)}, {}),
    "imports": ("GET", None, {}),
    "import": ("GET", lambda c: {"import_id": _import(c)}, {}),
    "import_confirmation": ("POST", lambda c: {"import_id": _import(c)}, {}),
    "import_columns": ("POST", lambda c: {"import_id": _import(c)}, {}),
    "import_withdrawal": ("POST", lambda c: {"import_id": _import(c)}, {}),
}
# Addresses of what belongs to the installation: who may is a question of the role, not of the team.
FILLED: dict[str, dict[str, int | str]] = {
    "channel_new": {"kind": "email"},
    "channel_guide": {"kind": "sandbox"},
    "batch_menu": {"part": "people"},
    **{name: {"label_id": 1} for name in ("label", "label_merge", "label_deletion")},
    **{name: {"field_id": 1} for name in ("field", "field_position", "field_deletion")},
}
OWN = {name for name, row in TABLE.items() if row[1] is None}


def _notification(cast: Cast) -> int:
    return builders.make_notification(cast.admin, cast.conversation).pk


def _reminder(cast: Cast) -> int:
    return builders.make_reminder(cast.agent, cast.conversation).pk


def _placement(cast: Cast) -> Placement:
    other = builders.make_conversation(cast.account)
    return Placement.objects.create(
        kind="merge", source=cast.conversation, target=other, message_ids=[], made_by=cast.agent, made_at=clock.now()
    )


def _reply(cast: Cast) -> SavedReply:
    words = ReplyWords("Thanks", {"en": "Thank you"}, teams=[cast.team])
    return save_reply(actor=journal.SYSTEM, user=None, words=words)


def _macro(cast: Cast) -> Macro:
    steps = [{"do": "state", "with": "solved"}]
    return save_macro(actor=journal.SYSTEM, user=None, name="Routine", steps=steps, teams=[cast.team])


def _delivery(cast: Cast, state: str) -> int:
    message = builders.make_message(cast.conversation, kind="out", user=cast.agent, delivery=state)
    return int(message.delivery.pk)


def _view(cast: Cast) -> int:
    view = saving.save_view(
        actor=actor_of(cast.admin), user=cast.admin, name="Mine", chosen=QueueFilter(), scope="team", team=cast.team
    )
    return int(view.pk)


def _bulk(cast: Cast) -> int:
    change = changing.Change("state", state="solved")
    outcome = changing.change_conversations(
        actor=actor_of(cast.agent), user=cast.agent, ids=[cast.conversation.pk], change=change
    )
    assert outcome.record is not None
    return int(outcome.record.pk)


def _link(cast: Cast) -> int:
    other = builders.make_conversation(cast.account)
    actor = actor_of(cast.agent)
    return int(linking.link_conversations(actor=actor, user=cast.agent, one=cast.conversation, other=other).pk)


def _contact_merge(cast: Cast) -> ContactMerge:
    other = builders.make_contact()
    return ContactMerge.objects.create(
        survivor=cast.conversation.contact, absorbed=other, identity_ids=[], conversation_ids=[], made_by=cast.agent,
        made_at=clock.now(),
    )  # fmt: skip


def _mailbox(cast: Cast) -> int:
    return int(builders.make_account(cast.team, kind="email").pk)


def _import(cast: Cast) -> int:
    return int(builders.make_import(cast.account).pk)


def _url(name: str, cast: Cast) -> str:
    arguments = TABLE[name][1]
    kwargs = arguments(cast) if arguments else FILLED.get(name, {})
    return reverse(name, kwargs=kwargs)


def _snapshot() -> list[tuple[str, int, str]]:
    """Return a digest of every table that the desk may change."""
    names = (
        "conversations_conversation conversations_message conversations_placement conversations_readmark"
        " outbound_delivery inbound_record contacts_contact contacts_contactmerge channels_channelaccount"
        " journal_event accounts_user conversations_labelling conversations_label conversations_link"
        " conversations_savedview conversations_bulkchange contacts_customfield"
        " drafts_draft knowledge_savedreply knowledge_macro"
        " viewing_presence reminders_reminder notifications_notification notifications_follow"
        " moving_import conversations_amendment"
    )
    found = []
    with connection.cursor() as cursor:
        for table in names.split():
            cursor.execute(f"SELECT count(*), coalesce(md5(string_agg(t::text, '|' ORDER BY id)), '') FROM {table} t")
            found.append((table, *cursor.fetchone()))
    return found


def _send(client: Client, name: str, url: str) -> int:
    method, _arguments, data = TABLE[name]
    return int((client.post(url, data) if method == "POST" else client.get(url)).status_code)


def test_the_table_has_every_address() -> None:
    assert {pattern.name for pattern in urls.urlpatterns} == set(TABLE)
    assert get_resolver() is not None


@pytest.mark.parametrize("name", sorted(TABLE))
def test_who_is_not_signed_in_is_sent_to_sign_in(cast: Cast, name: str) -> None:
    url = _url(name, cast)
    before = _snapshot()
    client = Client()
    method, _arguments, data = TABLE[name]
    response = client.post(url, data) if method == "POST" else client.get(url)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/?next=")
    assert _snapshot() == before


@pytest.mark.parametrize("name", sorted(set(TABLE) - OWN))
def test_a_stranger_is_refused_and_nothing_changed(cast: Cast, name: str) -> None:
    url = _url(name, cast)
    client = cast.client(cast.stranger)
    before = _snapshot()
    assert _send(client, name, url) == 404
    assert _snapshot() == before


@pytest.mark.parametrize("name", sorted(TABLE))
def test_the_wrong_method_is_refused_and_nothing_changed(cast: Cast, name: str) -> None:
    url = _url(name, cast)
    client = cast.client(cast.admin)
    before = _snapshot()
    method = TABLE[name][0]
    response = client.get(url) if method == "POST" else client.delete(url)
    assert response.status_code == 405
    assert _snapshot() == before


@pytest.mark.parametrize("name", sorted(name for name, row in TABLE.items() if row[0] == "GET"))
def test_every_page_can_be_read_by_those_it_is_for(cast: Cast, name: str) -> None:
    client = cast.client(cast.admin)
    response = client.get(_url(name, cast), follow=True)
    assert response.status_code == 200


@pytest.mark.parametrize("name", ["intake", "record", "replays"])
def test_the_intake_is_not_for_agents(cast: Cast, name: str) -> None:
    assert _send(cast.client(cast.agent), name, _url(name, cast)) == 403


@pytest.mark.parametrize("name", sorted(name for name in TABLE if name.startswith(("label", "field"))))
def test_labels_and_fields_are_kept_in_order_by_leads(cast: Cast, name: str) -> None:
    client = cast.client(cast.agent)
    before = _snapshot()
    assert _send(client, name, _url(name, cast)) == 403
    assert _snapshot() == before


@pytest.mark.parametrize("name", ["channel", "channel_new", "channel_test", "channel_templates"])
def test_channels_are_changed_by_administrators_only(cast: Cast, name: str) -> None:
    assert _send(cast.client(cast.lead), name, _url(name, cast)) == 403


@pytest.mark.parametrize("name", sorted(name for name in TABLE if name.startswith(("setup", "import"))))
def test_set_up_and_moving_in_are_for_administrators_only(cast: Cast, name: str) -> None:
    url, client = _url(name, cast), cast.client(cast.lead)
    before = _snapshot()
    assert _send(client, name, url) == 403
    assert _snapshot() == before
