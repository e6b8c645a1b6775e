"""The only writer of tokens. A token is shown once; what is stored cannot be turned back into it."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from comptoir.accounts.models import User
from comptoir.api.models import Token
from comptoir.core import clock
from comptoir.core.errors import InputError
from comptoir.core.textfold import clean
from comptoir.journal import services as journal
from comptoir.journal.services import Actor

SCOPES = ("read", "write", "admin")
PREFIX = "cpt_"  # so that a leaked token is recognised by secret scanners and by people
HINT = 8  # characters shown in lists
USED_EVERY = timedelta(minutes=1)  # a busy program must not turn every read into a write


def digest_of(token: str) -> str:
    """Return what is stored of a token. 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


@transaction.atomic
def create_token(*, actor: Actor, user: User, name: str, scopes: Sequence[str]) -> str:
    """Make a token that acts as the person (INV-06) and return it; it cannot be shown again. Raises InputError."""
    name = " ".join(clean(name).split())
    if not name or len(name) > 120:
        raise InputError(_("Give the token a name of at most 120 characters."), field="name")
    chosen = [scope for scope in SCOPES if scope in scopes]
    if not chosen or set(scopes) - set(SCOPES):
        raise InputError(_("Choose scopes among read, write and admin."), field="scopes")
    if "admin" in chosen and not user.is_admin:
        raise InputError(_("Only an administrator's token can have the scope admin."), field="scopes")
    if "write" in chosen and not user.may_write:
        raise InputError(_("An auditor's token can only read."), field="scopes")
    secret = PREFIX + secrets.token_urlsafe(32)
    row = Token.objects.create(name=name, digest=digest_of(secret), hint=secret[:HINT], scopes=chosen, user=user)
    facts = {"token": row.pk, "name": name, "scopes": chosen, "user": user.pk}
    journal.append(actor=actor, kind="token.created", facts=facts)
    return secret


@transaction.atomic
def revoke_token(*, actor: Actor, token: Token) -> None:
    """End a token's use, at once and for good."""
    revoked = Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=clock.now())
    if revoked:
        journal.append(actor=actor, kind="token.revoked", facts={"token": token.pk, "name": token.name})


def note_used(*, token: Token, at: datetime) -> None:
    """Remember that the token is in use, to the minute."""
    if token.last_used_at is None or token.last_used_at < at - USED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=at - USED_EVERY)
        Token.objects.filter(stale, pk=token.pk).update(last_used_at=at)
