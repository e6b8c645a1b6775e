from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0002_placement_undo")]

    operations = [
        migrations.RemoveIndex(model_name="conversation", name="conversation_by_state"),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(fields=["team", "state", "-last_message_at", "-id"], name="conversation_team_state"),
        ),
    ]
