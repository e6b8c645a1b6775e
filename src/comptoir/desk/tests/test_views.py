"""Saved views, bulk changes, labels, own fields, links, my work and next, as the desk shows and takes them."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comptoir.accounts.services import actor_of
from comptoir.contacts import fields
from comptoir.conversations import labelling, saving
from comptoir.conversations.filtering import QueueFilter
from comptoir.conversations.models import BulkChange, Conversation, Label, Link, SavedView, State
from comptoir.core import clock
from comptoir.desk.tests.conftest import Cast
from comptoir.desk.tests.test_queue import _ago, _subjects
from comptoir.journal.services import SYSTEM
from comptoir.knowledge.services import save_macro
from comptoir.testing import builders

HX = {"HTTP_HX_REQUEST": "true"}


def _view(cast: Cast, **values: Any) -> SavedView:
    given = {"name": "Old ones", "chosen": QueueFilter(waiting_minutes=60), "scope": "everyone", "team": None, **values}
    return saving.save_view(actor=actor_of(cast.lead), user=cast.lead, **given)


def _label(name: str = "Billing") -> Label:
    return labelling.create_label(actor=SYSTEM, name=name, colour="blue")


def test_a_view_is_built_opened_and_counted(cast: Cast) -> None:
    builders.make_conversation(cast.account, subject="waits long", **_ago(100))
    client = cast.client()
    given = {"name": "Old ones", "waits": "yes", "waiting_minutes": "60", "sort": "priority"}
    answer = client.post("/views/new/", given)
    view = SavedView.objects.get()
    assert answer.headers["Location"] == f"/?saved={view.pk}"
    assert saving.filter_of(view) == QueueFilter(waiting_minutes=60, sort="priority")
    page = client.get(f"/?saved={view.pk}").content.decode()
    assert _subjects(page) == ["waits long"]
    assert "<h1>Old ones</h1>" in page
    assert '<span class="nav-count">1</span>' in client.get("/views/counts/", **HX).content.decode()
    assert "<b>1</b> conversation now" in client.get("/views/preview/", given, **HX).content.decode()
    client.post(f"/views/{view.pk}/", given | {"name": "Older ones", "waiting_minutes": "240"})
    assert saving.filter_of(SavedView.objects.get(name="Older ones")).waiting_minutes == 240
    client.post(f"/views/{view.pk}/deletion/")
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(
    ("case", "given", "words"),
    [
        ("no name", {"waits": "yes"}, "This field is required."),
        ("an order that does not fit", {"name": "x", "waits": "", "sort": "wait"}, "have a wait to sort by"),
        ("somebody who is not there", {"name": "x", "waits": "yes", "owner": "u999999"}, "Select a valid choice"),
    ],
)
def test_a_view_that_makes_no_sense_is_refused_and_what_was_chosen_stays(
    cast: Cast, case: str, given: dict[str, str], words: str
) -> None:
    answer = cast.client().post("/views/new/", given | {"words": "dial tone"})
    assert answer.status_code == 422
    assert words in answer.content.decode() and "dial tone" in answer.content.decode()
    assert not SavedView.objects.exists()


def test_an_agent_is_not_offered_to_share_and_cannot(cast: Cast) -> None:
    client = cast.client()
    assert 'name="scope"' not in client.get("/views/new/").content.decode()
    client.post("/views/new/", {"name": "Mine", "waits": "yes", "scope": "everyone"})
    assert SavedView.objects.get().scope == "personal"
    view = _view(cast)
    assert client.get(f"/?saved={view.pk}").status_code == 200
    assert client.post(f"/views/{view.pk}/deletion/").status_code == 404


def test_views_stand_in_the_navigation_at_no_further_statement(cast: Cast) -> None:
    client = cast.client()
    client.get("/")
    with CaptureQueriesContext(connection) as without:
        client.get("/")
    for number in range(5):
        _view(cast, name=f"View {number}")
    with CaptureQueriesContext(connection) as with_views:
        page = client.get("/").content.decode()
    assert page.count("nav-view") == 5 + page.count("nav-views")
    assert len(with_views) == len(without)


def test_a_view_of_others_and_a_broken_address_do_no_harm(cast: Cast) -> None:
    private = _view(cast, scope="personal")
    client = cast.client()
    assert client.get(f"/?saved={private.pk}").status_code == 404
    assert client.get("/?saved=x&sort=nonsense&after=2026-01-01T00:00:00%2B00:00,1,2,3,4").status_code == 200
    SavedView.objects.filter(pk=private.pk).update(filter={"from": "the future"}, scope="everyone")
    assert client.get(f"/?saved={private.pk}").status_code in {302, 422}
    assert client.get("/views/counts/", **HX).status_code == 200


def test_several_are_changed_at_once_and_it_is_undone_by_its_toast(cast: Cast) -> None:
    second = builders.make_conversation(cast.account)
    client = cast.client()
    picked = {"pick": [str(cast.conversation.pk), str(second.pk)]}
    page = client.post("/conversations/batch/", picked | {"do": "priority:2"}, follow=True).content.decode()
    undo = f"/conversations/batch/{BulkChange.objects.get().pk}/undo/"
    assert "2 conversations changed." in page and f'action="{undo}"' in page
    assert set(Conversation.objects.values_list("priority", flat=True)) == {2}
    page = client.post(undo, follow=True).content.decode()
    assert "2 conversations restored." in page
    assert set(Conversation.objects.values_list("priority", flat=True)) == {0}


@pytest.mark.parametrize(
    ("do", "column", "expected"),
    [
        ("take", "assignee__name", "Camille Roux"),
        ("snooze:tomorrow", "state", "snoozed"),
        ("snooze:reply", "snoozed_until", None),
        ("pending", "state", "pending"),
        ("priority:-1", "priority", -1),
    ],
)
def test_what_the_toolbar_does(cast: Cast, do: str, column: str, expected: Any) -> None:
    cast.client().post("/conversations/batch/", {"pick": cast.conversation.pk, "do": do})
    assert Conversation.objects.values_list(column, flat=True).get(pk=cast.conversation.pk) == expected


@pytest.mark.parametrize("do", ["", "dance", "snooze:never", "assign:x", "team:", "priority:9", "add:999", "state"])
def test_what_the_toolbar_refuses(cast: Cast, do: str) -> None:
    before = Conversation.objects.values().get()
    answer = cast.client().post("/conversations/batch/", {"pick": cast.conversation.pk, "do": do}, **HX)
    assert answer.status_code == 422
    assert Conversation.objects.values().get() == before
    assert not BulkChange.objects.exists()


def test_all_of_a_list_means_the_list_and_not_only_its_page(cast: Cast) -> None:
    for number in range(55):
        builders.make_conversation(cast.account, subject=f"n{number}", **_ago(100))
    given = {"all": "1", "list": "?sort=activity", "pick": cast.conversation.pk, "do": "solved"}
    cast.client().post("/conversations/batch/", given)
    assert Conversation.objects.filter(state=State.SOLVED).count() == 56


def test_the_toolbar_has_a_page_for_browsers_without_script(cast: Cast) -> None:
    label = _label()
    client = cast.client()
    page = client.post("/conversations/batch/form/", {"pick": cast.conversation.pk, "list": "?view=open"})
    text = page.content.decode()
    assert f'value="add:{label.pk}"' in text and f'value="assign:{cast.colleague.pk}"' in text
    answer = client.post(
        "/conversations/batch/",
        {"pick": cast.conversation.pk, "list": "?view=open", "from_form": "1", "do": f"add:{label.pk}"},
    )
    assert answer.headers["Location"] == "/?view=open"
    assert labelling.labels_of(cast.conversation) == {label.pk}


def test_unread_is_bold_again_for_the_person_alone(cast: Cast) -> None:
    path = f"/conversations/{cast.conversation.pk}/"
    clients = cast.client(), cast.client(cast.colleague)
    for client in clients:
        client.get(path)
        assert "is-unread" not in client.get("/").content.decode()
    assert clients[0].post(f"{path}unread/", **HX).headers["HX-Redirect"] == "/"
    assert ["is-unread" in client.get("/").content.decode() for client in clients] == [True, False]
    clients[0].post("/conversations/batch/", {"pick": cast.conversation.pk, "do": "read"})
    assert "is-unread" not in clients[0].get("/").content.decode()


def test_labels_are_chosen_in_the_head_and_shown_in_the_row_and_the_story(cast: Cast) -> None:
    label, _other = _label("<b>Billing</b>"), _label("Outage")
    client, path = cast.client(), f"/conversations/{cast.conversation.pk}/"
    assert "Billing" in client.get(f"{path}labels/", **HX).content.decode()
    client.post(f"{path}labels/", {"label": label.pk})
    assert "&lt;b&gt;Billing&lt;/b&gt;</span>" in client.get("/").content.decode()
    page = client.get(path).content.decode()
    assert "added the label &lt;b&gt;Billing&lt;/b&gt;" in page and "<b>Billing" not in page
    assert client.post(f"{path}labels/", {"label": "x"}, **HX).status_code == 422
    client.post(f"{path}labels/", {})
    assert labelling.labels_of(cast.conversation) == set()


def test_a_lead_keeps_labels_in_order(cast: Cast) -> None:
    client = cast.client(cast.lead)
    client.post("/settings/labels/", {"name": "Billing", "colour": "red"})
    client.post("/settings/labels/", {"name": "Bills", "colour": "blue"})
    answer = client.post("/settings/labels/", {"name": "BILLS", "colour": "plum"})
    assert answer.status_code == 422 and 'value="BILLS"' in answer.content.decode()
    first, second = Label.objects.order_by("id")
    client.post(f"/settings/labels/{first.pk}/", {"name": "Money", "colour": "green"})
    client.post(f"/settings/labels/{second.pk}/merge/", {"target": first.pk})
    assert list(Label.objects.values_list("name", "colour")) == [("Money", "green")]
    client.post(f"/settings/labels/{first.pk}/deletion/")
    assert not Label.objects.exists()


def _offer() -> None:
    fields.create_field(actor=SYSTEM, subject="conversation", name="Offer", kind="number", help="In euros")
    fields.create_field(actor=SYSTEM, subject="contact", name="VIP", kind="checkbox")


def test_own_fields_are_saved_in_the_panel_and_a_wrong_value_stays_to_be_mended(cast: Cast) -> None:
    _offer()
    client, path = cast.client(), f"/conversations/{cast.conversation.pk}/"
    assert "In euros" in client.get(f"{path}panel/", **HX).content.decode()
    wrong = client.post(f"{path}fields/", {"f_offer": "many"}, **HX).content.decode()
    assert 'value="many"' in wrong and "Give a number." in wrong
    cast.conversation.refresh_from_db()
    assert cast.conversation.fields == {}
    assert "Saved." in client.post(f"{path}fields/", {"f_offer": "12,5"}, **HX).content.decode()
    cast.conversation.refresh_from_db()
    assert cast.conversation.fields == {"offer": 12.5}
    contact = cast.conversation.contact
    client.post(f"/contacts/{contact.pk}/fields/", {"f_vip": "on"})
    contact.refresh_from_db()
    assert contact.fields == {"vip": True}
    assert "VIP" in client.get(f"/contacts/{contact.pk}/").content.decode()


def test_a_lead_defines_fields(cast: Cast) -> None:
    client = cast.client(cast.lead)
    given = {"name": "Offre", "subject": "conversation", "kind": "choice", "choices": "Fibre\r\nMobile", "help": ""}
    client.post("/settings/fields/", given)
    refused = client.post("/settings/fields/", given)
    assert refused.status_code == 422 and "Fibre\r\nMobile" in refused.content.decode()
    field = fields.all_fields()[0]
    assert field.choices == ["Fibre", "Mobile"]
    client.post(f"/settings/fields/{field.pk}/", {"name": "Offer", "choices": "Fibre", "help": "x"})
    client.post(f"/settings/fields/{field.pk}/position/", {"move": "up"})
    assert fields.all_fields()[0].name == "Offer"
    client.post(f"/settings/fields/{field.pk}/deletion/")
    assert fields.all_fields() == []


def test_conversations_are_linked_by_number_and_unlinked(cast: Cast) -> None:
    other = builders.make_conversation(cast.account, subject="The other one")
    foreign = builders.make_conversation(builders.make_account(cast.stranger.teams.get()))
    client, path = cast.client(), f"/conversations/{cast.conversation.pk}/"
    client.post(f"{path}links/", {"target": f"#{other.pk}"})
    assert "The other one" in client.get(f"{path}panel/", **HX).content.decode()
    for wrong in ("", "x", str(foreign.pk), str(cast.conversation.pk)):
        assert client.post(f"{path}links/", {"target": wrong}, **HX).status_code == 422
    link = Link.objects.get()
    answer = client.post(f"/links/{link.pk}/removal/", {"from": other.pk})
    assert answer.headers["Location"] == f"/conversations/{other.pk}/"
    assert not Link.objects.exists()


def test_my_work_is_what_needs_me_in_groups(cast: Cast) -> None:
    soon, late = clock.now() + timedelta(minutes=1), clock.now() + timedelta(days=3)
    mine = {"assignee": cast.agent}
    builders.make_conversation(cast.account, subject="waits", **mine, **_ago(50))
    builders.make_conversation(cast.account, subject="urgent", priority=2, **mine, **_ago(5))
    builders.make_conversation(cast.account, subject="pending", state="pending", **mine)
    builders.make_conversation(cast.account, subject="wakes", state="snoozed", snoozed_until=soon, **mine)
    builders.make_conversation(cast.account, subject="sleeps on", state="snoozed", snoozed_until=late, **mine)
    builders.make_conversation(cast.account, subject="theirs", assignee=cast.colleague)
    page = cast.client().get("/work/").content.decode()
    assert _subjects(page) == ["urgent", "waits", "wakes", "pending"]
    assert page.index("They wait for your answer") < page.index("They wake today") < page.index("You wait for the cust")
    assert "Nothing needs you now" in cast.client(cast.lead).get("/work/").content.decode()


def test_next_takes_the_most_urgent_free_one_and_following_a_link_takes_nothing(cast: Cast) -> None:
    urgent = builders.make_conversation(cast.account, priority=2)
    client = cast.client()
    assert client.get("/next/").headers["Location"] == f"/conversations/{urgent.pk}/"
    assert not Conversation.objects.filter(assignee=cast.agent).exists()
    assert client.post("/next/").headers["Location"] == f"/conversations/{urgent.pk}/"
    assert Conversation.objects.get(pk=urgent.pk).assignee == cast.agent
    colleague = cast.client(cast.colleague)
    assert colleague.post("/next/").headers["Location"] == f"/conversations/{cast.conversation.pk}/"
    assert client.post("/next/", {"after": urgent.pk}).headers["Location"] == "/"


def test_lists_are_sorted_as_asked(cast: Cast) -> None:
    builders.make_conversation(cast.account, subject="urgent", priority=2)
    builders.make_conversation(cast.account, subject="old", **_ago(100))
    client = cast.client()
    assert _subjects(client.get("/?sort=priority").content.decode()) == ["urgent", "old", "No dial tone"]
    assert _subjects(client.get("/?sort=newest").content.decode()) == ["old", "urgent", "No dial tone"]
    assert _subjects(client.get("/?view=open&sort=wait").content.decode())[-1] == "old"  # no such order there


@pytest.mark.parametrize("action", ["merge", "deletion"])
def test_a_label_that_macros_and_rules_use_stays(cast: Cast, action: str) -> None:
    used, other = _label("Used"), _label("Other")
    steps = [{"do": "label", "with": str(used.pk)}]
    save_macro(actor=SYSTEM, user=None, name="Apologise", steps=steps)
    address = f"/settings/labels/{used.pk}/{action}/"
    page = cast.client(cast.lead).post(address, {"target": other.pk}, follow=True)
    assert "Apologise" in page.content.decode()
    assert Label.objects.filter(pk=used.pk).exists()
