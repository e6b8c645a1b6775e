"""The only caller of the wall clock. Rules receive the time as an argument named `at`."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return timezone.now()
