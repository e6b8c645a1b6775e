"""A snooze says whether a customer's message ends it. Until now every one did, which is the default."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("conversations", "0005_labels_views_links")]

    operations = [
        migrations.AddField("conversation", "wakes_on_reply", models.BooleanField(default=True, db_default=True)),
        migrations.AddConstraint(
            "conversation",
            models.CheckConstraint(
                condition=~Q(state="snoozed") | Q(snoozed_until__isnull=False) | Q(wakes_on_reply=True),
                name="conversation_snooze_has_end",
            ),
        ),
    ]
