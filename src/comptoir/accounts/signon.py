"""The only writer of the organisation's own sign-in (OpenID Connect): its settings, and who comes in by it.

The client secret is ciphertext (INV-08). A person is recognised by an address that the provider has verified, and by
nothing else: whoever could write a colleague's address into a profile would be that colleague.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.utils.translation import gettext as _

from comptoir.accounts.models import Role, SignOn, Team, User
from comptoir.accounts.queries import person_by_email
from comptoir.accounts.rules import is_admitted, is_safe_provider
from comptoir.accounts.services import create_person
from comptoir.core import crypto
from comptoir.core.errors import InputError
from comptoir.core.textfold import clean
from comptoir.journal import services as journal
from comptoir.journal.services import SYSTEM, Actor

WELL_KNOWN = "/.well-known/openid-configuration"

PROVIDER = "sign-on"  # the one provider: its id in addresses and in the accounts that allauth keeps


@dataclass(frozen=True, slots=True)
class SignOnSettings:
    """What an administrator fills in; an empty `secret` keeps the stored one."""

    label: str
    issuer: str
    client_id: str
    secret: str
    domains: Sequence[str]
    creates_people: bool
    role: str
    team: Team | None
    is_active: bool


@transaction.atomic
def set_sign_on(*, actor: Actor, values: SignOnSettings) -> SignOn:
    """Create or change the organisation's sign-in. Raises InputError."""
    issuer = values.issuer.strip().removesuffix(WELL_KNOWN).rstrip("/")
    if not is_safe_provider(issuer):
        raise InputError(_("The issuer is an address that begins with https://."), field="issuer")
    if values.creates_people and (values.team is None or values.role not in {Role.AGENT, Role.LEAD, Role.AUDITOR}):
        raise InputError(
            _("Choose a team, and a role other than administrator, for people who come for the first time."),
            field="team",
        )
    row = SignOn.objects.select_for_update().filter(id=1).first() or SignOn(id=1)
    if not values.secret and not row.credentials:
        raise InputError(_("Paste the client secret that your provider shows."), field="secret")
    if values.secret:
        row.credentials = crypto.encrypt_mapping({"secret": values.secret})
    if row.issuer and row.issuer != issuer:
        # The numbers of another provider mean other people.
        SocialAccount.objects.filter(provider=PROVIDER).delete()
    row.label, row.issuer, row.client_id = clean(values.label).strip(), issuer, values.client_id.strip()
    row.domains, row.creates_people = list(values.domains), values.creates_people
    row.role, row.team, row.is_active = values.role, values.team, values.is_active
    row.save()
    facts = {
        "issuer": issuer, "domains": row.domains, "creates": row.creates_people, "role": row.role,
        "active": row.is_active,
    }  # fmt: skip
    journal.append(actor=actor, kind="sign_on.changed", facts=facts)
    return row


def secret_of(row: SignOn) -> str:
    """Return the client secret in clear, for the token endpoint alone."""
    return crypto.decrypt_mapping(row.credentials).get("secret", "")


def check_admitted(*, row: SignOn, email: str) -> None:
    """Refuse who comes without a verified address, or with one of a domain that may not come in. Raises InputError."""
    if not email:
        raise InputError(
            _("Your provider did not confirm an e-mail address of yours. Ask your administrator to have it verified.")
        )
    if not is_admitted(email, row.domains):
        raise InputError(
            _("%(email)s is not an address that may sign in here. Ask an administrator.") % {"email": email}
        )


@transaction.atomic
def admit_person(*, row: SignOn, email: str, name: str, language: str) -> User:
    """Return the person behind a verified address; make one where the settings say so. Raises InputError."""
    check_admitted(row=row, email=email)
    person = person_by_email(email)
    if person is not None:
        journal.append(actor=SYSTEM, kind="person.linked", facts={"user": person.pk, "name": person.name})
        return person
    if not row.creates_people or row.team is None:
        raise InputError(
            _("There is no account for %(email)s. Ask an administrator for an invitation.") % {"email": email}
        )
    name = " ".join(clean(name).split())[:120] or email.partition("@")[0]
    return create_person(
        actor=SYSTEM, email=email, name=name, password=None, role=row.role, teams=[row.team], language=language
    )
