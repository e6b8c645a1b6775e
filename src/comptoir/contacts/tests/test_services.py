"""INV-10: merging two contacts can be undone, whatever happened in between."""

import itertools
import random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from comptoir.accounts.services import actor_of
from comptoir.contacts.models import Contact, ContactMerge, Identity
from comptoir.contacts.recognise import recognise
from comptoir.contacts.services import change_contact, merge_contacts, unmerge_contacts
from comptoir.conversations.models import Conversation, Message
from comptoir.conversations.placing import split_messages
from comptoir.core.errors import AccessDenied, Conflict, InputError
from comptoir.core.types import Author
from comptoir.journal.models import Event
from comptoir.testing.builders import make_account, make_contact, make_conversation, make_message, make_team, make_user

pytestmark = pytest.mark.django_db


class World:
    """A person, and contacts with one conversation each."""

    def __init__(self, count: int = 4) -> None:
        self.team = make_team()
        self.user = make_user(self.team)
        self.actor = actor_of(self.user)
        self.account = make_account(self.team)
        self.contacts = [make_contact(f"Contact {number}") for number in range(count)]
        self.conversations = [make_conversation(self.account, contact=contact) for contact in self.contacts]

    def merge(self, survivor: Contact, absorbed: Contact) -> ContactMerge:
        """Merge as the person."""
        return merge_contacts(actor=self.actor, user=self.user, survivor=survivor, absorbed=absorbed)

    def undo(self, merge: ContactMerge) -> None:
        """Undo as the person."""
        unmerge_contacts(actor=self.actor, merge=merge)

    def everything(self) -> dict[str, Any]:
        """Return who is who, and whose is what."""
        ids = [contact.pk for contact in self.contacts]
        fields = ("pk", "name", "company", "language", "attributes", "merged_into_id")
        return {
            "contacts": list(Contact.objects.filter(pk__in=ids).order_by("pk").values_list(*fields)),
            "identities": sorted(Identity.objects.filter(contact__in=ids).values_list("pk", "contact_id")),
            "conversations": sorted(Conversation.objects.filter(account=self.account).values_list("pk", "contact_id")),
            "messages": sorted(
                Message.objects.filter(conversation__account=self.account, kind="in").values_list("pk", "contact_id")
            ),
        }


@pytest.fixture
def world() -> World:
    return World()


def address_of(contact: Contact) -> str:
    return Identity.objects.filter(pk__in=contact.identities.values("pk")).get().address


def writes(world: World, address: str, *, into: Conversation | None = None) -> Conversation:
    """Let somebody write now: the pipeline recognises the contact by the address."""
    contact = Contact.objects.get(pk=recognise([Author("email", address)])["email", address])
    conversation = into or make_conversation(world.account, contact=contact)
    if into is not None:
        message = make_message(conversation, author_address=address)
        Message.objects.filter(pk=message.pk).update(contact=contact)
    Message.objects.filter(conversation=conversation, author_address="").update(author_address=address)
    if into is None:
        conversation.messages.update(author_address=address, contact=contact)
    return conversation


def test_the_survivor_has_it_all_and_undo_restores_it(world: World) -> None:
    first, second, *_ = world.contacts
    before = world.everything()
    merge = world.merge(first, second)
    assert set(first.identities.values_list("pk", flat=True)) == {row[0] for row in before["identities"][:2]}
    assert first.conversations.count() == 2
    assert Contact.objects.get(pk=second.pk).merged_into == first
    world.undo(merge)
    assert world.everything() == before


def test_a_merge_fills_in_what_the_survivor_lacks_and_undo_empties_it_unless_it_was_changed(world: World) -> None:
    second = world.contacts[1]
    nameless = make_contact("", company="Acme")
    merge = world.merge(nameless, second)
    assert Contact.objects.get(pk=nameless.pk).name == second.name
    world.undo(merge)
    assert (Contact.objects.get(pk=nameless.pk).name, Contact.objects.get(pk=nameless.pk).company) == ("", "Acme")
    merge = world.merge(nameless, second)
    change_contact(actor=world.actor, contact=nameless, name="Renamed")
    world.undo(merge)
    assert Contact.objects.get(pk=nameless.pk).name == "Renamed"


def test_what_came_in_between_goes_to_whom_it_came_from(world: World) -> None:
    first, second, *_ = world.contacts
    addresses = address_of(first), address_of(second)
    merge = world.merge(first, second)
    from_first, from_second = (writes(world, address) for address in addresses)
    answer = writes(world, addresses[1], into=world.conversations[0]).messages.latest("pk")
    assert {from_first.contact_id, from_second.contact_id, answer.contact_id} == {first.pk}
    world.undo(merge)
    for row in (from_first, from_second, answer):
        row.refresh_from_db()
    assert (from_first.contact_id, from_second.contact_id) == (first.pk, second.pk)
    assert (answer.contact_id, from_second.messages.get().contact_id) == (second.pk, second.pk)
    assert recognise([Author("email", addresses[1])]) == {("email", addresses[1]): second.pk}


def test_a_split_of_the_absorbed_persons_messages_belongs_to_the_survivor_and_comes_back_with_undo(
    world: World,
) -> None:
    first, second, *_ = world.contacts
    message = make_message(world.conversations[1])
    merge = world.merge(first, second)
    placement = split_messages(
        actor=world.actor, user=world.user, source=world.conversations[1], message_ids=[message.pk]
    )
    assert placement.target.contact_id == first.pk
    world.undo(merge)
    assert Conversation.objects.get(pk=placement.target_id).contact_id == second.pk


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_a_chain_of_merges_can_be_undone_in_any_order(world: World, order: tuple[int, ...]) -> None:
    a, b, c, d = world.contacts
    before = world.everything()
    merges = [world.merge(a, b), world.merge(c, a), world.merge(d, c)]
    for index in order:
        world.undo(merges[index])
    assert world.everything() == before


def test_undoing_the_middle_of_a_chain_takes_out_only_that_person(world: World) -> None:
    a, b, c, _ = world.contacts
    inner = world.merge(a, b)
    world.merge(c, a)
    world.undo(inner)
    assert Contact.objects.get(pk=b.pk).conversations.get() == world.conversations[1]
    assert {row.pk for row in c.conversations.all()} == {world.conversations[0].pk, world.conversations[2].pk}


def test_a_merge_is_undone_once(world: World) -> None:
    first, second, *_ = world.contacts
    merge = world.merge(first, second)
    world.undo(merge)
    with pytest.raises(Conflict, match="already"):
        world.undo(merge)
    again = world.merge(first, second)
    with pytest.raises(Conflict, match="already"):
        world.undo(merge)
    world.undo(again)


def test_impossible_merges_are_refused(world: World) -> None:
    first, second, third, _ = world.contacts
    with pytest.raises(InputError):
        world.merge(first, first)
    world.merge(first, second)
    with pytest.raises((AccessDenied, Conflict)):
        world.merge(second, third)
    with pytest.raises((AccessDenied, Conflict)):
        world.merge(third, second)
    with pytest.raises((AccessDenied, Conflict)):
        world.merge(second, first)


def test_a_stranger_is_refused_and_nothing_changes(world: World) -> None:
    other = make_team()
    stranger = make_user(other)
    own = make_conversation(make_account(other)).contact
    before = world.everything()
    for survivor, absorbed in ((own, world.contacts[0]), (world.contacts[0], own), tuple(world.contacts[:2])):
        with pytest.raises(AccessDenied):
            merge_contacts(actor=actor_of(stranger), user=stranger, survivor=survivor, absorbed=absorbed)
    assert world.everything() == before


def test_every_change_is_in_the_journal(world: World) -> None:
    first, second, *_ = world.contacts
    merge = world.merge(first, second)
    world.undo(merge)
    change_contact(actor=world.actor, contact=first, name=" New   name ", company="")
    kinds = [e.kind for e in Event.objects.filter(actor_id=world.user.pk, conversation_id=None).order_by("id")]
    assert kinds == ["contact.merged", "contact.unmerged", "contact.changed"]
    assert Event.objects.latest("id").facts == {"name": {"from": "Contact 0", "to": "New name"}}


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("unknown field", {"merged_into_id": 1}),
    ("too long", {"name": "x" * 201}),
    ("not a text", {"name": 5}),
    ("attributes no object", {"attributes": [1]}),
    ("too many attributes", {"attributes": {str(n): "x" for n in range(51)}}),
    ("long attribute", {"attributes": {"x": "y" * 1001}}),
]


@pytest.mark.parametrize(("label", "fields"), REFUSED, ids=[case[0] for case in REFUSED])
def test_wrong_values_are_refused_in_words(world: World, label: str, fields: dict[str, Any]) -> None:
    before = world.everything()
    with pytest.raises(InputError):
        change_contact(actor=world.actor, contact=world.contacts[0], **fields)
    assert world.everything() == before


def test_an_absorbed_contact_is_not_changed(world: World) -> None:
    first, second, *_ = world.contacts
    world.merge(first, second)
    with pytest.raises(Conflict):
        change_contact(actor=world.actor, contact=second, name="x")


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans()), max_size=12), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_any_sequence_of_merges_undone_in_any_order_restores(steps: list[tuple[int, int, bool]], seed: int) -> None:
    world = World(5)
    before = world.everything()
    draw = random.Random(seed)
    merges: list[ContactMerge] = []
    for survivor, absorbed, undo in steps:
        if undo and merges:
            world.undo(merges.pop(draw.randrange(len(merges))))
            continue
        try:
            merges.append(world.merge(world.contacts[survivor], world.contacts[absorbed]))
        except (InputError, Conflict, AccessDenied):
            continue
    draw.shuffle(merges)
    for merge in merges:
        world.undo(merge)
    assert world.everything() == before
