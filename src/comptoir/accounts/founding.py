"""The first minute of an installation: the organisation and its first administrator, made once and never again.

Whoever comes first could own the installation, so the door is narrow: a browser on this very machine, or the code that
`comptoir up` prints on its console. It closes for good with the first person.
"""

import base64
import hmac
import ipaddress
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from comptoir.accounts.models import Role, Team, User
from comptoir.accounts.services import create_person, set_organisation
from comptoir.core.crypto import derive_key
from comptoir.core.errors import AccessDenied, Conflict
from comptoir.journal import services as journal
from comptoir.journal.services import SYSTEM

FOUNDING_LOCK = 0x0C07  # two browsers that found at once: one waits, and finds that it is done
# What a proxy on this machine adds: then a request from this machine is no proof of anything.
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA", "HTTP_X_FORWARDED_HOST")
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")


def is_founded() -> bool:
    """Whether somebody can sign in."""
    return User.objects.exists()


def founding_code() -> str:
    """Return the code of this installation: derived from its secret key, so that every process knows it."""
    letters = base64.b32encode(derive_key("founding"))[:12].decode()
    return "-".join(letters[start : start + 4] for start in range(0, 12, 4))


def is_here(request: HttpRequest) -> bool:
    """Whether the browser runs on this machine, with no proxy in between and under a local name (no DNS trick).

    An installation with a public address is never founded this way: a proxy may hide that it is one.
    """
    if urlsplit(settings.PUBLIC_URL).hostname not in {"localhost", "127.0.0.1", "::1"}:
        return False
    if any(name in request.META for name in FORWARDED):
        return False
    host = request.META.get("HTTP_HOST", "").lower()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    try:
        return name in LOCAL_HOSTS and ipaddress.ip_address(str(request.META.get("REMOTE_ADDR", ""))).is_loopback
    except ValueError:
        return False


def is_code(given: str) -> bool:
    """Whether this is the code, however it was typed."""
    typed = "".join(c for c in given.upper() if c.isalnum())
    return hmac.compare_digest(typed.encode(), founding_code().replace("-", "").encode())


@transaction.atomic
def found(*, organisation: str, language: str, time_zone: str, name: str, email: str, password: str) -> User:
    """Make the organisation, its first team and its first administrator. Raises Conflict when somebody was faster."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FOUNDING_LOCK])
    if is_founded():
        raise Conflict(_("This installation has an administrator already. Sign in."))
    set_organisation(name=organisation, language=language, time_zone=time_zone)
    team = Team.objects.first() or Team.objects.create(name=_("Customer service"))
    user = create_person(
        actor=SYSTEM, email=email, name=name, password=password, role=Role.ADMIN, teams=[team], language=language
    )
    User.objects.filter(pk=user.pk).update(time_zone=time_zone)
    journal.append(actor=SYSTEM, kind="organisation.founded", facts={"name": organisation, "user": user.pk})
    return user


def check_door(request: HttpRequest, code: str) -> None:
    """Let a browser on this machine in, or whoever knows the code. Raises AccessDenied."""
    if not is_here(request) and not is_code(code):
        raise AccessDenied(_("This is not the code. It stands on the console where Comptoir was started."))
