"""Whether single keys act (WCAG 2.1.4): each person may switch them off."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [
        migrations.AddField(
            model_name="user",
            name="shortcuts",
            field=models.BooleanField(default=True, verbose_name="single-key shortcuts"),
        ),
    ]
