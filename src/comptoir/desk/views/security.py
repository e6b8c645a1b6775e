"""Security of the installation: is a second factor required, and the organisation's own sign-in."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from comptoir.accounts import openid, services, signon
from comptoir.accounts.models import Role, SignOn
from comptoir.accounts.queries import organisation, people_without_second_factor
from comptoir.accounts.services import actor_of
from comptoir.core.errors import InputError
from comptoir.desk.guard import person, staff
from comptoir.desk.settings_pages import ADMIN
from comptoir.desk.staff_forms import SignOnForm


@staff("GET", "POST", roles=ADMIN)
def security(request: HttpRequest) -> HttpResponse:
    """Show how people prove themselves; require a second factor, or not."""
    if request.method == "POST":
        services.require_two_factor(actor=actor_of(person(request)), required=request.POST.get("required") == "1")
        messages.success(request, _("Saved."))
        return redirect("security")
    context = {
        "organisation": organisation(),
        "without": people_without_second_factor(),
        "row": SignOn.objects.filter(id=1).first(),
    }
    return render(request, "desk/security/page.html", context)


@staff("GET", "POST", roles=ADMIN)
def sign_on_page(request: HttpRequest) -> HttpResponse:
    """Show and change the organisation's own sign-in. The secret is never shown."""
    row = SignOn.objects.filter(id=1).first()
    initial: dict[str, Any] = {"role": Role.AGENT}
    if row is not None:
        initial = {
            "label": row.label, "issuer": row.issuer, "client_id": row.client_id, "domains": "\n".join(row.domains),
            "creates_people": row.creates_people, "role": row.role, "team": row.team_id, "is_active": row.is_active,
        }  # fmt: skip
    form = SignOnForm(request.POST or None, initial=initial, is_kept=row is not None)
    if request.method == "POST" and form.is_valid():
        try:
            signon.set_sign_on(actor=actor_of(person(request)), values=form.values)
        except InputError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            messages.success(request, _("Saved. Try it in another browser before you rely on it."))
            return redirect("sign_on_settings")
    context = {"form": form, "callback": openid.callback_url()}
    return render(request, "desk/security/sign_on.html", context, status=422 if form.errors else 200)
