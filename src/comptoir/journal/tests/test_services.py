"""INV-04: the journal is appended to and never rewritten."""

import pytest
from django.db import DatabaseError, connection, transaction

from comptoir.journal import services as journal
from comptoir.journal.models import Event

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal_event SET actor_name = 'somebody else'",
        "DELETE FROM journal_event",
        "TRUNCATE journal_event",
    ],
)
def test_inv_04_the_database_refuses_to_rewrite_the_journal(statement: str) -> None:
    journal.append(actor=journal.SYSTEM, kind="test.happened", facts={"n": 1})
    with pytest.raises(DatabaseError, match="INV-04"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Event.objects.get(kind="test.happened").facts == {"n": 1}


def test_retention_may_delete_and_must_say_so() -> None:
    journal.append(actor=journal.SYSTEM, kind="test.happened")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL comptoir.retention = 'on'")
        cursor.execute("DELETE FROM journal_event WHERE kind = 'test.happened'")
    assert not Event.objects.filter(kind="test.happened").exists()


def test_events_keep_their_order_and_their_actor() -> None:
    actor = journal.Actor("user", 7, "Léa")
    journal.append_all([journal.Entry(actor, f"test.{n}", conversation_id=1) for n in range(3)])
    rows = list(Event.objects.filter(conversation_id=1).order_by("id").values_list("kind", "actor_id", "actor_name"))
    assert rows == [("test.0", 7, "Léa"), ("test.1", 7, "Léa"), ("test.2", 7, "Léa")]
