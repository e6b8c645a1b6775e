"""What every page of the desk needs to draw its frame."""

from typing import Any

from django.http import HttpRequest


def desk(request: HttpRequest) -> dict[str, Any]:
    """Return the frame's values; empty for strangers."""
    return {}
