"""INV-04: the journal is never rewritten; retention alone may delete, and says so by a setting of its transaction."""

from django.db import migrations

GUARD = """
CREATE FUNCTION comptoir_journal_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' AND current_setting('comptoir.retention', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'INV-04: the journal is never rewritten' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER journal_event_guard BEFORE UPDATE OR DELETE ON journal_event
    FOR EACH ROW EXECUTE FUNCTION comptoir_journal_guard();
CREATE TRIGGER journal_event_guard_truncate BEFORE TRUNCATE ON journal_event
    FOR EACH STATEMENT EXECUTE FUNCTION comptoir_journal_guard();
"""


class Migration(migrations.Migration):
    """The guard's triggers."""

    dependencies = [("journal", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, "DROP FUNCTION comptoir_journal_guard() CASCADE")]
