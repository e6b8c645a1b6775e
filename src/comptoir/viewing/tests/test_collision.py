"""Two answers at once: the second is told, and nothing is lost."""

import threading

import pytest
from django.db import connection, transaction

from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.conversations.models import Conversation, Message
from comptoir.outbound.services import Draft, queue_reply
from comptoir.testing.builders import make_account, make_conversation, make_message, make_team, make_user
from comptoir.viewing.collision import Overtaken, refuse_unseen


def test_what_counts_as_written_meanwhile(db: None) -> None:
    team = make_team()
    row, me, other = make_conversation(make_account(team)), make_user(team), make_user(team, name="Tom Okafor")
    seen = row.messages.get().pk
    make_message(row, kind="out", user=me, delivery="queued", text="mine, in another tab")
    make_message(row, kind="note", user=other, text="a note")
    make_message(row, automatic="auto-reply", text="a machine")
    make_message(row, kind="out", user=other, delivery="cancelled", text="taken back")
    with transaction.atomic():
        refuse_unseen(user=me, conversation=row, seen=seen)
    make_message(row, kind="out", user=other, delivery="queued", text="his answer")
    make_message(row, text="the customer again")
    make_message(row, kind="out", user=None, delivery="sent", text="a program's answer")
    with pytest.raises(Overtaken) as met, transaction.atomic():
        refuse_unseen(user=me, conversation=row, seen=seen)
    assert [m.text for m in met.value.written] == ["his answer", "the customer again", "a program's answer"]
    with transaction.atomic():
        refuse_unseen(user=me, conversation=row, seen=met.value.written[-1].pk)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(3))
def test_of_two_answers_at_the_same_instant_one_leaves_and_the_other_is_told(turn: int) -> None:
    team = make_team()
    row = make_conversation(make_account(team, kind="sandbox"))
    seen = row.messages.get().pk
    start, told = threading.Barrier(2), list[str]()

    def answer(user: User) -> None:
        try:
            start.wait(5)
            with transaction.atomic():
                refuse_unseen(user=user, conversation=row, seen=seen)
                queue_reply(actor=actor_of(user), user=user, conversation=row, draft=Draft(text=f"by {user.name}"))
        except Overtaken as met:
            told.extend(message.text for message in met.written)
        finally:
            connection.close()

    people = [make_user(team, name=name) for name in ("Ada", "Tom")]
    threads = [threading.Thread(target=answer, args=[user]) for user in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = Message.objects.get(conversation=row, kind="out")
    assert told == [sent.text]
    assert Conversation.objects.get(pk=row.pk).message_count == row.messages.count()
