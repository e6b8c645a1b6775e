"""A draft is kept, follows the person, and is never overwritten by a page that is behind."""

import pytest

from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.conversations.access import access_conversation
from comptoir.conversations.models import Conversation
from comptoir.core.errors import InputError
from comptoir.drafts import services
from comptoir.drafts.models import Draft
from comptoir.drafts.queries import begun_by, begun_in, drafts_of, files_in
from comptoir.drafts.services import Behind, Words
from comptoir.outbound import services as outbound
from comptoir.testing import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent() -> User:
    return builders.make_user(builders.make_team())


@pytest.fixture
def conversation(agent: User) -> Conversation:
    return builders.make_conversation(builders.make_account(agent.teams.get(), kind="sandbox"))


def save(agent: User, conversation: Conversation, text: str, known: int | None = 0) -> Draft | None:
    return services.save_draft(user=agent, conversation=conversation, words=Words(text=text), known=known)


def attach(agent: User, conversation: Conversation, name: str = "a.txt", content: bytes = b"x") -> Draft:
    return services.attach_file(user=agent, conversation=conversation, name=name, kind="text/plain", content=content)


def test_a_page_goes_on_and_another_that_is_behind_is_told(agent: User, conversation: Conversation) -> None:
    first = save(agent, conversation, "One")
    assert first is not None
    second = save(agent, conversation, "One two", first.revision)
    with pytest.raises(Behind) as told:
        save(agent, conversation, "Another", first.revision)
    assert told.value.draft == second
    assert Draft.objects.get().text == "One two"
    taken = save(agent, conversation, "Another", None)
    assert taken is not None and taken.text == "Another"


def test_the_same_words_twice_are_no_conflict(agent: User, conversation: Conversation) -> None:
    first = save(agent, conversation, "One")
    again = save(agent, conversation, "One", 0)  # the answer to the first save was lost
    assert first is not None and again is not None and again.revision == first.revision


def test_a_draft_that_was_sent_elsewhere_does_not_come_back(agent: User, conversation: Conversation) -> None:
    first = save(agent, conversation, "One")
    assert first is not None
    services.discard_draft(user=agent, conversation=conversation)
    with pytest.raises(Behind) as told:
        save(agent, conversation, "One more", first.revision)
    assert told.value.draft is None
    assert Draft.objects.count() == 0


def test_nothing_left_is_no_draft(agent: User, conversation: Conversation) -> None:
    first = save(agent, conversation, "One")
    assert first is not None
    assert save(agent, conversation, "  ", first.revision) is None
    assert Draft.objects.count() == 0


def test_files_come_and_go_without_disturbing_the_words(agent: User, conversation: Conversation) -> None:
    attach(agent, conversation)
    first = save(agent, conversation, "One")
    assert first is not None and len(first.files) == 1
    kept = attach(agent, conversation, "../b.txt").files[-1]
    assert kept["name"] == "b.txt"
    assert save(agent, conversation, "Two", first.revision) is not None
    services.detach_file(user=agent, conversation=conversation, file_id=kept["id"])
    assert [file["name"] for file in Draft.objects.get().files] == ["a.txt"]


@pytest.mark.parametrize(("name", "content"), [("a.exe", b"MZ"), ("empty.txt", b"")])
def test_a_file_is_refused_in_words(agent: User, conversation: Conversation, name: str, content: bytes) -> None:
    with pytest.raises(InputError, match=name):
        attach(agent, conversation, name, content)
    assert Draft.objects.count() == 0


def test_only_the_persons_own_files_can_be_named(agent: User, conversation: Conversation) -> None:
    other = builders.make_user(agent.teams.get())
    number = attach(other, conversation).files[0]["id"]
    assert files_in(agent, conversation, [number]) == []
    assert len(files_in(other, conversation, [number, number, "nothing"])) == 2


def test_a_reply_taken_back_stands_above_what_was_begun(agent: User, conversation: Conversation) -> None:
    message = builders.make_message(conversation, kind="out", user=agent, text="Sent", recipients={})
    builders.make_attachment(message)
    builders.make_delivery(message, state="cancelled")
    save(agent, conversation, "Begun")
    draft = services.restore_draft(user=agent, conversation=conversation, message=message)
    assert (draft.text, [file["name"] for file in draft.files]) == ("Sent\n\nBegun", ["invoice.txt"])


def test_a_forward_taken_back_is_still_a_forward(agent: User, conversation: Conversation) -> None:
    asked = conversation.messages.get()
    sent = outbound.Draft(text="Yours?", to=[("", "lab@example.org")], forward_of=asked.pk)
    delivery = outbound.queue_reply(actor=actor_of(agent), user=agent, conversation=conversation, draft=sent)
    draft = services.restore_draft(user=agent, conversation=conversation, message=delivery.message)
    assert (draft.kind, draft.forward_of, draft.to, draft.text) == ("forward", asked.pk, "lab@example.org", "Yours?")


def test_a_conversation_brings_its_draft_along(agent: User, conversation: Conversation) -> None:
    saved = save(agent, conversation, "One")
    assert saved is not None
    found = access_conversation(agent, conversation.pk, also=begun_by(agent))
    assert (begun_in(found).text, begun_in(found).revision) == ("One", saved.revision)
    other = builders.make_user(agent.teams.get())
    assert begun_in(access_conversation(other, conversation.pk, also=begun_by(other))).text == ""


def test_the_list_has_no_conversation_that_was_taken_away(agent: User, conversation: Conversation) -> None:
    save(agent, conversation, "One")
    assert len(drafts_of(agent)) == 1
    Conversation.objects.update(team=builders.make_team())
    assert len(drafts_of(agent)) == 0
