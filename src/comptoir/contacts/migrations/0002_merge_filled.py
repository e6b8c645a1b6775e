"""Which empty fields of the survivor a merge filled in."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_initial")]
    operations = [
        migrations.AddField(model_name="contactmerge", name="filled", field=models.JSONField(default=dict)),
    ]
