"""Who may write what; a macro does all or nothing, and what it did can be taken back."""

from datetime import timedelta

import pytest

from comptoir.accounts.models import Role, Team, User
from comptoir.accounts.services import actor_of
from comptoir.conversations import services as conversations
from comptoir.conversations.labelling import create_label, labels_of, set_labels
from comptoir.conversations.models import Conversation, State
from comptoir.core import clock
from comptoir.core.errors import AccessDenied, InputError
from comptoir.journal.models import Event
from comptoir.journal.services import SYSTEM
from comptoir.knowledge import services
from comptoir.knowledge.access import access_reply
from comptoir.knowledge.models import Macro, SavedReply
from comptoir.knowledge.queries import macros_of, picks, replies_of
from comptoir.knowledge.services import ReplyWords
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.testing import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return builders.make_team("Service")


@pytest.fixture
def agent(team: Team) -> User:
    return builders.make_user(team, name="Camille Roux", language="fr")


@pytest.fixture
def lead(team: Team) -> User:
    return builders.make_user(team, name="Lea Lead", role=Role.LEAD)


@pytest.fixture
def conversation(team: Team) -> Conversation:
    return builders.make_conversation(builders.make_account(team, kind="sandbox"))


def reply(user: User | None, name: str = "Thanks", *, shared: bool = True, **fields: object) -> SavedReply:
    values = {"bodies": {"en": "Thank you, {{contact.first_name}}"}, "is_shared": shared, **fields}
    return services.save_reply(actor=actor_of(user) if user else SYSTEM, user=user, words=ReplyWords(name, **values))


def macro(user: User | None, *steps: tuple[str, str], shared: bool = True) -> Macro:
    told = [{"do": kind, "with": value} for kind, value in steps]
    actor = actor_of(user) if user else SYSTEM
    return services.save_macro(actor=actor, user=user, name="Routine", steps=told, is_shared=shared)


def apply(user: User | None, conversation: Conversation, row: Macro) -> services.Applied:
    actor = actor_of(user) if user else SYSTEM
    return services.apply_macro(actor=actor, user=user, conversation=conversation, macro=row)


def fresh(conversation: Conversation) -> Conversation:
    return Conversation.objects.get(pk=conversation.pk)


def kinds() -> list[str]:
    return list(Event.objects.order_by("id").values_list("kind", flat=True))


def test_agents_keep_their_own_and_leads_what_is_shared(agent: User, lead: User) -> None:
    with pytest.raises(AccessDenied):
        reply(agent)
    shared, own = reply(lead), reply(agent, "Mine", shared=False)
    with pytest.raises(AccessDenied):
        services.delete_reply(actor=actor_of(agent), user=agent, reply=shared)
    with pytest.raises(AccessDenied):
        access_reply(lead, own.pk)
    assert [row.name for row in replies_of(agent)] == ["Mine", "Thanks"]
    assert [row.name for row in replies_of(lead)] == ["Thanks"]
    assert kinds() == ["saved_reply.created", "saved_reply.created"]


def test_what_is_for_one_team_is_not_for_another(team: Team, agent: User, lead: User) -> None:
    other = builders.make_team("Press")
    reply(lead, "For all")
    reply(lead, "For us", teams=[team])
    reply(lead, "For them", teams=[other])
    assert [row.name for row in replies_of(agent)] == ["For all", "For us"]


def test_a_shortcut_means_one_reply(agent: User, lead: User) -> None:
    reply(lead, shortcut="thx")
    with pytest.raises(InputError, match="shortcut"):
        reply(lead, shortcut="/THX")
    reply(agent, shortcut="thx", shared=False)
    assert SavedReply.objects.count() == 2


@pytest.mark.parametrize(
    ("case", "fields"),
    [
        ("no name", {"name": " "}),
        ("no text", {"bodies": {"en": " ", "fr": ""}}),
        ("a misspelt placeholder", {"bodies": {"en": "{{contact.nom}}"}}),
        ("too long", {"bodies": {"en": "x" * 20_001}}),
        ("a channel that does not exist", {"channels": ["pigeon"]}),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(lead: User, case: str, fields: dict[str, object]) -> None:
    with pytest.raises(InputError):
        reply(lead, **fields)
    assert SavedReply.objects.count() == 0


def test_the_picker_fills_in_and_chooses_the_language(agent: User, lead: User, conversation: Conversation) -> None:
    reply(lead, bodies={"fr": "Merci {{contact.first_name}} ({{conversation.number}})", "en": "Thanks"}, shortcut="thx")
    reply(lead, "Only e-mail", channels=["email"])
    Conversation.objects.filter(pk=conversation.pk).update(language="fr")
    found = picks(agent, fresh(conversation), "THX")
    assert [pick.rendered.text for pick in found] == [f"Merci Ada ({conversation.pk})"]
    assert [pick.name for pick in picks(agent, fresh(conversation), "")] == ["Thanks"]


def test_accents_do_not_matter_to_the_picker(agent: User, lead: User, conversation: Conversation) -> None:
    reply(lead, "Délai", bodies={"fr": "Dépassé d’une journée"})
    for query in ("delai", "DÉLAI", "depasse journee"):
        assert [pick.name for pick in picks(agent, conversation, query)] == ["Délai"], query


def test_changing_a_reply_keeps_its_use_and_drops_a_language(lead: User) -> None:
    row = reply(lead, bodies={"en": "One", "fr": "Un"})
    services.note_use(reply=row)
    words = ReplyWords("Thanks", {"en": "Two"})
    services.save_reply(actor=actor_of(lead), user=lead, words=words, reply=row)
    row.refresh_from_db()
    assert (row.use_count, [version.body for version in row.versions.all()]) == (1, ["Two"])


def test_a_macro_does_everything_in_order(agent: User, conversation: Conversation) -> None:
    row = macro(
        agent, ("assign", "me"), ("priority", "2"), ("note", "Was {{contact.name}}"),
        ("send", "On our way, {{contact.first_name}}."), ("state", "solved"), shared=False,
    )  # fmt: skip
    applied = apply(agent, conversation, row)
    found = fresh(conversation)
    assert (found.assignee, found.priority, found.state) == (agent, 2, State.SOLVED)
    assert list(found.messages.values_list("text", flat=True).order_by("id"))[1:] == [
        "Was Ada Martin",
        "On our way, Ada.",
    ]
    assert applied.delivery is not None
    assert kinds()[1:] == [
        "macro.applied", "conversation.assigned", "conversation.priority_changed", "note.added", "reply.queued",
        "conversation.state_changed",
    ]  # fmt: skip
    assert Macro.objects.get().use_count == 1
    assert [m.pk for m in macros_of(agent)] == [row.pk]


def test_a_macro_that_is_refused_half_way_does_nothing(agent: User, conversation: Conversation) -> None:
    stranger = builders.make_user(builders.make_team("Press"))
    row = macro(agent, ("priority", "2"), ("assign", str(stranger.pk)), shared=False)
    with pytest.raises(InputError):
        apply(agent, conversation, row)
    assert (fresh(conversation).priority, Macro.objects.get().use_count) == (0, 0)
    assert "macro.applied" not in kinds()


def test_a_macro_never_sends_an_answer_with_a_hole(agent: User, conversation: Conversation) -> None:
    conversation.contact.name = ""
    conversation.contact.save()
    row = macro(agent, ("send", "Hello {{contact.first_name}}"), shared=False)
    with pytest.raises(InputError, match=r"contact\.first_name"):
        apply(agent, conversation, row)
    assert Delivery.objects.count() == 0


def test_a_macro_is_taken_back_but_for_what_others_changed_since(agent: User, conversation: Conversation) -> None:
    row = macro(agent, ("assign", "me"), ("priority", "2"), ("send", "Soon."), ("state", "snoozed:d1"), shared=False)
    applied = apply(agent, conversation, row)
    conversations.set_priority(actor=actor_of(agent), conversation=conversation, priority=1)
    stays = services.undo_macro(
        actor=actor_of(agent), conversation=conversation, changes=applied.changes, delivery=applied.delivery
    )
    found = fresh(conversation)
    assert stays == ["priority"]
    assert (found.assignee, found.priority, found.state, found.snoozed_until) == (None, 1, State.OPEN, None)
    assert found.waiting_since is not None
    assert Delivery.objects.get().state == DeliveryState.CANCELLED


def test_an_answer_that_has_left_stays_sent(agent: User, conversation: Conversation) -> None:
    row = macro(agent, ("send", "Soon."), ("state", "solved"), shared=False)
    applied = apply(agent, conversation, row)
    Delivery.objects.update(state=DeliveryState.SENT)
    stays = services.undo_macro(
        actor=actor_of(agent), conversation=conversation, changes=applied.changes, delivery=applied.delivery
    )
    assert (stays, fresh(conversation).state) == (["send"], State.OPEN)


def test_a_rule_applies_a_macro_without_a_person(conversation: Conversation) -> None:
    row = macro(None, ("assign", "me"), ("note", "Seen by a rule"), ("insert", "Hello"), ("state", "pending"))
    applied = apply(None, conversation, row)
    assert len(applied.left_out) == 2
    assert fresh(conversation).state == State.PENDING
    assert conversation.messages.get(kind="note").author_name == "Comptoir"


@pytest.mark.parametrize(
    "steps", [[], [("dance", "x")], [("priority", "9")], [("note", "{{nobody}}")], [("state", "merged")]], ids=str
)
def test_impossible_macros_are_refused(lead: User, steps: list[tuple[str, str]]) -> None:
    with pytest.raises(InputError):
        macro(lead, *steps)
    assert Macro.objects.count() == 0


def test_labels_and_how_a_snooze_ends_are_taken_back(agent: User, conversation: Conversation) -> None:
    old, new = (create_label(actor=SYSTEM, name=name, colour="blue") for name in ("Old", "New"))
    set_labels(actor=actor_of(agent), conversation=conversation, label_ids={old.pk})
    until = clock.now() + timedelta(days=1)
    conversations.set_state(
        actor=actor_of(agent), conversation=conversation, state="snoozed", snoozed_until=until, wakes_on_reply=False
    )
    applied = apply(agent, conversation, macro(agent, ("label", str(new.pk)), ("state", "solved"), shared=False))
    assert labels_of(conversation) == {old.pk, new.pk}
    stays = services.undo_macro(
        actor=actor_of(agent), conversation=conversation, changes=applied.changes, delivery=None
    )
    found = fresh(conversation)
    assert (stays, labels_of(conversation)) == ([], {old.pk})
    assert (found.state, found.snoozed_until, found.wakes_on_reply) == ("snoozed", until, False)
