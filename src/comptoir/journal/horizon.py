"""Up to which id is the journal complete? Ids are drawn before their transaction commits, so that a lower id may
appear after a higher one: who reads on from the highest id seen would miss it for ever.

Whoever appends to the journal holds a RowExclusiveLock on the table from before an id is drawn until the transaction
has ended. So: read the sequence, then see who holds that lock; when all of those have ended, every id up to the one
that was read is either committed or will never exist. Nobody is made to wait for this, and nothing is locked.
"""

import time

from comptoir.core import bulk

DRAWN = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM journal_event_id_seq"
WRITERS = """
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = 'journal_event'::regclass AND mode = 'RowExclusiveLock' AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND pid IS DISTINCT FROM pg_backend_pid()
"""
POLL = 0.02  # seconds; a batch of the pipeline takes longer


def drawn_id() -> int:
    """Return the highest id that was drawn so far, whatever became of it."""
    return int(bulk.fetch_all(DRAWN, [])[0][0])


def settled_id(*, patience: float = 2.0) -> int | None:
    """Return an id up to which the journal is complete; None when a writer took longer than `patience` seconds."""
    last = drawn_id()
    writers = _writers()
    deadline = time.monotonic() + patience
    while writers:
        if time.monotonic() > deadline:
            return None
        time.sleep(POLL)
        writers &= _writers()
    return last


def _writers() -> set[str]:
    return {row[0] for row in bulk.fetch_all(WRITERS, [])}
