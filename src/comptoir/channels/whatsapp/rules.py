"""What WhatsApp allows and when: 24 hours for free answers, then approved texts only. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from comptoir.channels.base import After, Rate, Window

OPEN_FOR = timedelta(hours=24)
# Of the documentation of the Cloud API: throughput of a number, and of a pair of a number and a customer.
RATES = (Rate("whatsapp", 80, 1.0), Rate("whatsapp-person", 1, 6.0, each=True))


def window(asked_at: datetime, *, is_public: bool, facts: Mapping[str, Any]) -> Window | None:
    """Return the window of a conversation: 24 hours after the customer's last message."""
    return Window(asked_at + OPEN_FOR, After.TEMPLATE)
