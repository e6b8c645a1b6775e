"""The table of who is at a conversation: unlogged, because it is written all day and worth a minute."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("conversations", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Presence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tab", models.CharField(max_length=32)),
                ("typing_until", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField()),
                (
                    "conversation",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["expires_at"], name="presence_by_expiry")],
                "constraints": [models.UniqueConstraint(fields=("user", "tab"), name="presence_once_a_tab")],
            },
        ),
        migrations.RunSQL(
            "ALTER TABLE viewing_presence SET UNLOGGED",
            reverse_sql="ALTER TABLE viewing_presence SET LOGGED",
        ),
    ]
