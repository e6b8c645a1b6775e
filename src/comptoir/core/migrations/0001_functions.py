"""Database functions that the tables of other apps rest on, and the table of the shared cache."""

from django.db import migrations

# The accented letters of the languages of Europe, one to one; ligatures become two letters by replace().
ACCENTED = "ÀÁÂÃÄÅàáâãäåĀāĂăĄąÇçĆćČčĎďĐđÈÉÊËèéêëĒēĘęĚěĞğÌÍÎÏìíîïĪīİıŁłÑñŃńŇňÒÓÔÕÖØòóôõöøŌōŐőŔŕŘřŚśŠšŞşȘșŤťȚțŢţÙÚÛÜùúûüŪūŮůŰűÝýÿŸŹźŻżŽž’"
PLAIN = "AAAAAAaaaaaaAaAaAaCcCcCcDdDdEEEEeeeeEeEeEeGgIIIIiiiiIiIiLlNnNnNnOOOOOOooooooOoOoRrRrSsSsSsSsTtTtTtUUUUuuuuUuUuUuYyyYZzZzZz'"
assert len(ACCENTED) == len(PLAIN), (len(ACCENTED), len(PLAIN))

FOLD = f"""
CREATE FUNCTION comptoir_fold(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN translate(replace(replace(replace(value, 'œ', 'oe'), 'Œ', 'OE'), 'ß', 'ss'), '{ACCENTED}', '{PLAIN.replace("'", "''")}')
"""

# The first 50,000 characters are indexed: a tsvector may not exceed 1 MB, and nobody searches the end of a log file.
SEARCH_VECTOR = """
CREATE FUNCTION comptoir_search_vector(language text, subject text, visible text, body text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector(
    CASE language WHEN 'fr' THEN 'pg_catalog.french'::regconfig
                  WHEN 'en' THEN 'pg_catalog.english'::regconfig
                  ELSE 'pg_catalog.simple'::regconfig END,
    comptoir_fold(left(subject || ' ' || CASE WHEN visible = '' THEN body ELSE visible END, 50000)))
"""

# What django.core.cache's `createcachetable` would make, as a migration, so that `migrate` alone is enough.
CACHE = """
CREATE UNLOGGED TABLE core_cache (
    cache_key varchar(255) PRIMARY KEY, value text NOT NULL, expires timestamptz NOT NULL
);
CREATE INDEX core_cache_expires ON core_cache (expires);
"""


class Migration(migrations.Migration):
    """Functions and cache table."""

    dependencies: list[tuple[str, str]] = []
    operations = [
        migrations.RunSQL(FOLD, "DROP FUNCTION comptoir_fold(text)"),
        migrations.RunSQL(SEARCH_VECTOR, "DROP FUNCTION comptoir_search_vector(text, text, text, text)"),
        migrations.RunSQL(CACHE, "DROP TABLE core_cache"),
    ]
