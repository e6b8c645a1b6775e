"""Two partial indexes for the audit page; built beside the running product, because the journal may be large.

The index on time is told to keep up by itself: what it has not summarised yet is read in full by every span of time.
"""

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """The indexes by person and of the installation."""

    atomic = False
    dependencies = [("journal", "0003_follower")]
    operations = [
        # What an earlier try left behind, which was interrupted: an index that is not valid.
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS event_by_person", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "event",
            models.Index(fields=["actor_id", "id"], name="event_by_person", condition=Q(actor_kind="user")),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS event_of_installation", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "event",
            models.Index(fields=["id"], name="event_of_installation", condition=Q(conversation_id__isnull=True)),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER INDEX event_by_time SET (autosummarize = on)",
                    "ALTER INDEX event_by_time RESET (autosummarize)",
                )
            ],
            state_operations=[
                migrations.RemoveIndex("event", "event_by_time"),
                migrations.AddIndex("event", BrinIndex(fields=["at"], name="event_by_time", autosummarize=True)),
            ],
        ),
    ]
