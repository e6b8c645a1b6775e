"""An index by which what a platform tells about a message afterwards finds it."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q, Value


class Migration(migrations.Migration):
    atomic = False  # built beside the running product: messages are many
    dependencies = [("conversations", "0009_networks")]

    operations = [
        # What an earlier try left behind, which was interrupted: an index that is not valid.
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS message_by_platform", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="message",
            index=models.Index(
                fields=["message_id"],
                condition=~Q(facts=Value({}, models.JSONField())),
                name="message_by_platform",
            ),
        ),
    ]
