from django.db import migrations

# Serves desk.queries.find_contacts: an index over an expression, so that no trigger and no column must be kept in step.
WORDS = """
CREATE INDEX contact_words ON contacts_contact USING gin (
    to_tsvector('simple'::regconfig, comptoir_fold(name || ' ' || company))
) WITH (fastupdate = off)
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0002_merge_filled"), ("core", "0001_functions")]

    operations = [migrations.RunSQL(WORDS, "DROP INDEX contact_words")]
