"""The desk's only writes of its own: what a person took out of the house is in the journal (INV-04)."""

from django.db import transaction

from comptoir.conversations.models import Conversation
from comptoir.journal import services as journal
from comptoir.journal.services import Actor


@transaction.atomic
def note_export(*, actor: Actor, conversation: Conversation, form: str, with_notes: bool) -> None:
    """Remember who exported a conversation, in which form, and whether the internal notes went along."""
    facts = {"form": form, "with_notes": with_notes}
    journal.append(actor=actor, kind="conversation.exported", conversation_id=conversation.pk, facts=facts)
