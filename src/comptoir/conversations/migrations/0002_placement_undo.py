"""What undoing a placement needs besides its messages."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0001_initial")]
    operations = [
        migrations.AddField(model_name="placement", name="undo", field=models.JSONField(default=dict)),
    ]
