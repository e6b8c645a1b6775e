"""Locks that belong to a process: one connection holds them all, and PostgreSQL frees them when the process dies.

For work that only one of many workers should do (watching a mailbox). A lock never protects correctness here, since a
connection can be lost unnoticed for a moment: the unique constraints do. It only avoids doing things twice.
"""

import threading

import psycopg

from comptoir.core.listening import conninfo


class SessionLocks:
    """The advisory locks (namespace, number) of this process on one connection, open while any of them is held."""

    def __init__(self, namespace: int) -> None:
        self._namespace = namespace
        self._guard = threading.Lock()
        self._connection: psycopg.Connection[tuple[bool]] | None = None
        self._held: dict[int, int] = {}  # number -> the thread that holds it

    def acquire(self, number: int) -> bool:
        """Take a lock for this thread, or confirm that it has it; False while another thread or process does."""
        with self._guard:
            if not self._is_alive():
                self._held.clear()  # lost with the connection; whoever held them confirms and learns it
            elif number in self._held:
                return self._held[number] == threading.get_ident()
            taken = self._ask("SELECT pg_try_advisory_lock(%s, %s)", number)
            if taken:
                self._held[number] = threading.get_ident()
            self._close_unless_needed()
            return taken

    def release(self, number: int) -> None:
        """Give a lock back; nothing happens where this thread does not hold it."""
        with self._guard:
            if self._held.get(number) != threading.get_ident():
                return
            del self._held[number]
            if self._is_alive():
                self._ask("SELECT pg_advisory_unlock(%s, %s)", number)
            self._close_unless_needed()

    def _close_unless_needed(self) -> None:
        if not self._held and self._connection is not None:
            self._connection.close()
            self._connection = None

    def _is_alive(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            self._connection.close()
            self._connection = None
            return False
        return True

    def _ask(self, statement: str, number: int) -> bool:
        if self._connection is None:
            self._connection = psycopg.connect(conninfo(), autocommit=True)
        row = self._connection.execute(statement, [self._namespace, number]).fetchone()
        return row is not None and row[0]
