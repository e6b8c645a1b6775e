"""Labels, links, own fields and saved views: who may keep what, and what of it is told."""

from typing import Any

import pytest
from django.db import connection

from comptoir.accounts.models import Role
from comptoir.accounts.services import actor_of
from comptoir.contacts import fields
from comptoir.contacts.models import CustomField
from comptoir.contacts.services import set_contact_fields
from comptoir.conversations import labelling, linking, saving
from comptoir.conversations.filtering import QueueFilter
from comptoir.conversations.models import Label, Link, SavedView
from comptoir.conversations.services import set_fields
from comptoir.core.errors import AccessDenied, InputError
from comptoir.journal.models import Event
from comptoir.testing.builders import make_account, make_conversation, make_team, make_user

pytestmark = pytest.mark.django_db


class World:
    """A lead and an agent of a team, with two conversations."""

    def __init__(self) -> None:
        self.team = make_team()
        self.lead, self.agent = make_user(self.team, role=Role.LEAD), make_user(self.team)
        self.actor = actor_of(self.lead)
        account = make_account(self.team)
        self.one, self.two = make_conversation(account), make_conversation(account)

    def label(self, name: str) -> Label:
        return labelling.create_label(actor=self.actor, name=name, colour="blue")

    def view(self, user: Any = None, **values: Any) -> SavedView:
        user = user or self.lead
        given = {"name": "View", "chosen": QueueFilter(), "scope": "personal", "team": None, **values}
        return saving.save_view(actor=actor_of(user), user=user, **given)


@pytest.fixture
def world(db: None) -> World:
    return World()


def _facts(kind: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(kind=kind).order_by("id").values_list("facts", flat=True))


def test_labels_are_put_and_removed_in_one_event(world: World) -> None:
    one, two = world.label("Billing"), world.label("Outage")
    labelling.set_labels(actor=world.actor, conversation=world.one, label_ids=[one.pk])
    labelling.set_labels(actor=world.actor, conversation=world.one, label_ids=[two.pk])
    labelling.set_labels(actor=world.actor, conversation=world.one, label_ids=[two.pk])
    assert labelling.labels_of(world.one) == {two.pk}
    assert _facts("conversation.labelled") == [
        {"added": [{"id": one.pk, "name": "Billing"}], "removed": []},
        {"added": [{"id": two.pk, "name": "Outage"}], "removed": [{"id": one.pk, "name": "Billing"}]},
    ]


@pytest.mark.parametrize(("name", "colour"), [("", "blue"), ("x" * 41, "blue"), ("bILLING", "blue"), ("New", "pink")])
def test_a_label_has_a_name_of_its_own_and_a_colour_of_ours(world: World, name: str, colour: str) -> None:
    world.label("Billing")
    with pytest.raises(InputError):
        labelling.create_label(actor=world.actor, name=name, colour=colour)
    assert Label.objects.count() == 1


def test_a_merged_label_hands_over_its_conversations_and_views(world: World) -> None:
    one, two = world.label("Invoice"), world.label("Billing")
    labelling.set_labels(actor=world.actor, conversation=world.one, label_ids=[one.pk, two.pk])
    labelling.set_labels(actor=world.actor, conversation=world.two, label_ids=[one.pk])
    view = world.view(chosen=QueueFilter(labels=(one.pk, two.pk), label_match="all"))
    labelling.merge_labels(actor=world.actor, source=one, target=two)
    assert labelling.labels_of(world.one) == labelling.labels_of(world.two) == {two.pk}
    view.refresh_from_db()
    assert view.filter["labels"] == [two.pk]
    labelling.delete_label(actor=world.actor, label=two)
    view.refresh_from_db()
    assert saving.filter_of(view) == QueueFilter()


def test_a_link_is_one_whoever_makes_it_and_is_told_on_both_sides(world: World) -> None:
    for one, other in ((world.one, world.two), (world.two, world.one)):
        linking.link_conversations(actor=world.actor, user=world.lead, one=one, other=other)
    link = Link.objects.get()
    assert [found.conversation for found in linking.links_of(world.agent, world.one)] == [world.two]
    assert [found.conversation for found in linking.links_of(world.agent, world.two)] == [world.one]
    assert _facts("conversation.linked") == [{"other": world.two.pk}, {"other": world.one.pk}]
    linking.unlink_conversations(actor=world.actor, user=world.agent, link=link)
    assert not Link.objects.exists()
    assert len(_facts("conversation.unlinked")) == 2


def test_a_link_leads_to_nothing_that_the_person_may_not_see(world: World) -> None:
    other_team = make_team()
    both = make_user(world.team, other_team)
    foreign = make_conversation(make_account(other_team))
    link = linking.link_conversations(actor=world.actor, user=both, one=world.one, other=foreign)
    assert linking.links_of(world.agent, world.one) == []
    with pytest.raises(AccessDenied):
        linking.unlink_conversations(actor=world.actor, user=world.agent, link=link)
    with pytest.raises(AccessDenied):
        linking.link_conversations(actor=world.actor, user=world.agent, one=world.two, other=foreign)
    with pytest.raises(InputError):
        linking.link_conversations(actor=world.actor, user=both, one=world.one, other=world.one)


def _field(world: World, **values: Any) -> CustomField:
    given = {"subject": "conversation", "name": "Offer", "kind": "choice", "choices": ["Fibre", "Mobile"], **values}
    return fields.create_field(actor=world.actor, **given)


def test_values_are_kept_with_what_they_were_before(world: World) -> None:
    field = _field(world)
    definitions = [fields.definition_of(field)]
    for value in ("Fibre", "Mobile", "Mobile", ""):
        set_fields(actor=world.actor, conversation=world.one, definitions=definitions, given={"offer": value})
    world.one.refresh_from_db()
    assert world.one.fields == {}
    told = [facts["offer"] for facts in _facts("conversation.fields_changed")]
    assert {one.pop("name") for one in told} == {"Offer"}
    assert told == [
        {"from": None, "to": "Fibre"}, {"from": "Fibre", "to": "Mobile"}, {"from": "Mobile", "to": None},
    ]  # fmt: skip


def test_a_wrong_value_or_an_unknown_field_changes_nothing(world: World) -> None:
    definitions = [fields.definition_of(_field(world))]
    for given in ({"offer": "Satellite"}, {"mood": "good"}):
        with pytest.raises(InputError):
            set_fields(actor=world.actor, conversation=world.one, definitions=definitions, given=given)
    assert not Event.objects.filter(kind="conversation.fields_changed").exists()


def test_a_choice_that_went_stays_where_it_was_chosen(world: World) -> None:
    field = _field(world)
    contact = world.one.contact
    definitions = [fields.definition_of(field)]
    set_contact_fields(actor=world.actor, contact=contact, definitions=definitions, given={"offer": "Fibre"})
    field = fields.change_field(actor=world.actor, field=field, name="Offer", choices=["Mobile"], help="")
    definitions = [fields.definition_of(field)]
    contact = set_contact_fields(actor=world.actor, contact=contact, definitions=definitions, given={"offer": "Fibre"})
    assert contact.fields == {"offer": "Fibre"}
    assert len(_facts("contact.fields_changed")) == 1


def test_fields_have_an_order_and_keys_of_their_own(world: World) -> None:
    first, second = _field(world), _field(world, name="Dossier", kind="text", choices=[])
    with pytest.raises(InputError):
        _field(world)
    fields.move_field(actor=world.actor, field=second, up=True)
    assert fields.all_fields("conversation") == [second, first]
    fields.move_field(actor=world.actor, field=second, up=True)
    fields.delete_field(actor=world.actor, field=first)
    assert [field.key for field in fields.all_fields()] == ["dossier"]


def test_the_pipelines_writer_need_not_know_the_values(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO contacts_contact (name, company, language, attributes, created_at) "
                       "VALUES ('', '', '', '{}', now()) RETURNING fields::text")  # fmt: skip
        assert cursor.fetchone() == ("{}",)


def test_an_agent_keeps_views_but_does_not_share_them(world: World) -> None:
    view = world.view(world.agent)
    assert list(saving.views_of(world.agent)) == [view]
    assert list(saving.views_of(world.lead)) == []
    for scope, team in (("everyone", None), ("team", world.team), ("planet", None)):
        with pytest.raises(InputError):
            world.view(world.agent, scope=scope, team=team)


def test_a_shared_view_is_seen_by_its_team_and_changed_by_leads(world: World) -> None:
    shared = world.view(scope="team", team=world.team)
    stranger = make_user(make_team(), role=Role.ADMIN)
    assert saving.access_view(world.agent, shared.pk) == shared
    with pytest.raises(AccessDenied):
        saving.access_view(world.agent, shared.pk, to_change=True)
    with pytest.raises(AccessDenied):
        saving.access_view(stranger, shared.pk)
    with pytest.raises(InputError):
        world.view(scope="team", team=make_team())
    other_lead = make_user(world.team, role=Role.LEAD)
    world.view(other_lead, scope="team", team=world.team, view=shared, name="Renamed")
    with pytest.raises(InputError):  # it would vanish for those who use it
        world.view(other_lead, scope="personal", view=shared)


def test_views_stand_in_the_order_that_people_gave_them(world: World) -> None:
    one, two, three = (world.view(name=name) for name in ("one", "two", "three"))
    SavedView.objects.update(position=0)  # ties: as after an import
    saving.move_view(actor=world.actor, user=world.lead, view=three, up=True)
    assert [view.name for view in saving.views_of(world.lead)] == ["one", "three", "two"]
    saving.move_view(actor=world.actor, user=world.lead, view=one, up=True)
    saving.delete_view(actor=world.actor, view=two)
    assert [view.name for view in saving.views_of(world.lead)] == ["one", "three"]
