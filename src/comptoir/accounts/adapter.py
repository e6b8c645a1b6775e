"""What allauth may do here: sign people in and prove that it is them.

Accounts are made by administrators, by invitation or by single sign-on, never by sign-up.
"""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from comptoir.accounts.models import User
from comptoir.accounts.queries import SECOND_FACTORS, has_second_factor, organisation
from comptoir.accounts.services import actor_of
from comptoir.core import crypto
from comptoir.journal import services as journal

OWES = "owes_second_factor"  # in the session of a person who must set one up before anything else
# allauth tells of a change by the name of the mail that it would send, sometimes only after its commit; this hook is
# the one place where all of them are heard without signals.
EVENTS = {
    "mfa/email/totp_activated": "person.totp_added",
    "mfa/email/totp_deactivated": "person.totp_removed",
    "mfa/email/webauthn_added": "person.passkey_added",
    "mfa/email/webauthn_removed": "person.passkey_removed",
    "mfa/email/recovery_codes_generated": "person.recovery_codes_drawn",
    "account/email/password_changed": "person.password_changed",
    "account/email/password_reset": "person.password_changed",
    "account/email/password_set": "person.password_changed",
}


def owes_second_factor(user: User) -> bool:
    """Return whether the organisation requires a second factor that the person does not have."""
    return organisation().requires_two_factor and not has_second_factor(user)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Closes the sign-up, journals what protects an account, and leads to the second factor where it is required."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """No: people are invited."""
        return False

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the link of a reset mail, on our own address: the Host header is whatever a stranger sends."""
        path: str = urlsplit(super().get_reset_password_from_key_url(key)).path
        return settings.PUBLIC_URL + path

    def post_login(self, request: HttpRequest, user: User, **details: Any) -> HttpResponse:
        """Note whether the person still owes a second factor; who came by single sign-on proved it elsewhere."""
        came_by_sign_on = "sociallogin" in (details.get("signal_kwargs") or {})
        if not came_by_sign_on and owes_second_factor(user):
            request.session[OWES] = True
        response: HttpResponse = super().post_login(request, user, **details)
        return response

    def send_notification_mail(self, template_prefix: str, user: User, *args: Any, **kwargs: Any) -> None:
        """Write the change into the journal."""
        if kind := EVENTS.get(template_prefix):
            journal.append(actor=actor_of(user), kind=kind, facts={"user": user.pk, "name": user.name})
        if template_prefix == "mfa/email/webauthn_removed" and owes_second_factor(user):
            context.request.session[OWES] = True  # allauth asks nobody before it removes the last passkey
        super().send_notification_mail(template_prefix, user, *args, **kwargs)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Keeps the secrets of authenticator applications encrypted (INV-08), and passkeys under our public address."""

    def encrypt(self, text: str) -> str:
        """Return a secret as it is stored."""
        return crypto.encrypt_mapping({"secret": text}).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return a stored secret in clear."""
        return crypto.decrypt_mapping(encrypted_text.encode())["secret"]

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """No, when it is the last one and the organisation requires one."""
        others = Authenticator.objects.filter(user_id=authenticator.user_id, type__in=SECOND_FACTORS)
        return not organisation().requires_two_factor or others.exclude(pk=authenticator.pk).exists()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return for whom a passkey is made: our public address, never what a Host header says."""
        return {"id": urlsplit(settings.PUBLIC_URL).hostname or "localhost", "name": organisation().name}
