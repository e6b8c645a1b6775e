"""An index over the notes alone: a search for notes would walk over all the messages between them."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False  # built beside the running product: messages are many
    dependencies = [("conversations", "0007_search_by_time_and_file")]

    operations = [
        # What an earlier try left behind, which was interrupted: an index that is not valid.
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS message_notes", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="message",
            index=models.Index(fields=["id"], condition=Q(kind="note"), name="message_notes"),
        ),
    ]
