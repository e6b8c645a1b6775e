"""The only caller of the wall clock. Rules receive the time as an argument named `at`."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from django.utils import timezone

_shown: ContextVar[datetime | None] = ContextVar("shown", default=None)


def now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return _shown.get() or timezone.now()


@contextmanager
def showing(instant: datetime) -> Iterator[None]:
    """Let the clock of this thread show an instant: how the demo's past happens through the services of the present.

    Nothing that runs beside real customers may use it.
    """
    token = _shown.set(instant)
    try:
        yield
    finally:
        _shown.reset(token)
