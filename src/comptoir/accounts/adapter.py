"""What allauth may do here: sign people in. Accounts are made by administrators, never by sign-up."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Closes the sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """No: people are invited."""
        return False
