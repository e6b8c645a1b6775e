"""Two partial indexes for the audit page; built beside the running product, because the journal may be large."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """The indexes by person and of the installation."""

    atomic = False
    dependencies = [("journal", "0002_append_only")]
    operations = [
        AddIndexConcurrently(
            "event",
            models.Index(fields=["actor_id", "id"], name="event_by_person", condition=Q(actor_kind="user")),
        ),
        AddIndexConcurrently(
            "event",
            models.Index(fields=["id"], name="event_of_installation", condition=Q(conversation_id__isnull=True)),
        ),
    ]
