from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# Serves desk.queries.files: an index over an expression, so that no column must be kept in step. A file name has no blanks,
# and PostgreSQL's parser would take 'facture_2026.pdf' for a host; the usual separators become blanks first.
WORDS = """
CREATE INDEX CONCURRENTLY attachment_words ON conversations_attachment USING gin (
    to_tsvector('simple'::regconfig, comptoir_fold(translate(filename, '._-+()[]', '        ')))
) WITH (fastupdate = off)
"""


class Migration(migrations.Migration):
    atomic = False  # built beside the running product: messages are many
    dependencies = [("conversations", "0006_snooze_mode"), ("core", "0001_functions")]

    operations = [
        # What an earlier try left behind, which was interrupted: an index that is not valid.
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS message_by_time", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="message",
            index=models.Index(fields=["created_at", "id"], name="message_by_time"),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS attachment_words", migrations.RunSQL.noop),
        migrations.RunSQL(WORDS, "DROP INDEX attachment_words"),
    ]
