"""A person's own settings."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _

from comptoir.desk.forms import SettingsForm
from comptoir.desk.guard import person, staff


@staff("GET", "POST", own=True)
def me(request: HttpRequest) -> HttpResponse:
    """Show and change name, language, time zone and theme."""
    form = SettingsForm(request.POST or None, instance=person(request))
    if request.method == "POST" and form.is_valid():
        user = form.save()
        translation.activate(user.language)
        messages.success(request, _("Saved."))
        return redirect("me")
    return render(request, "desk/me/page.html", {"form": form}, status=422 if form.errors else 200)
