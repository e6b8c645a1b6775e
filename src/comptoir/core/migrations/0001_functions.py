"""Database functions that the tables of other apps rest on, and the table of the shared cache."""

from django.db import migrations

# Folding is by decomposition: 'é' becomes 'e' and a combining mark, and the marks go. translate() over a list of accented
# letters did the same at seven times the cost (114 against 17 µs for 270 characters), which was most of the price of a
# message's search vector. The letters and ligatures of Europe that Unicode does not decompose are named one by one.
# Kana and Hangul would fall apart as well, so texts that have some are composed again.
_WHOLE = "replace(replace(replace(value, 'œ', 'oe'), 'Œ', 'OE'), 'ß', 'ss')"
_STRIPPED = f"translate(regexp_replace(normalize({_WHOLE}, NFD), '[\\u0300-\\u036f]+', '', 'g'), 'ĐđØøŁłĦħı’', 'DdOoLlHhi''')"

FOLD = f"""
CREATE FUNCTION comptoir_fold(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN octet_length(value) = length(value) THEN value
            WHEN value ~ '[\\u3040-\\u30ff\\uac00-\\ud7a3]' THEN normalize({_STRIPPED}, NFC)
            ELSE {_STRIPPED} END
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
