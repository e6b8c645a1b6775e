"""The invented operator's shop, for whoever wants to write as a customer. It exists in the demo only."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from comptoir.accounts.models import Organisation
from comptoir.accounts.queries import organisation
from comptoir.core import clock, ratelimit
from comptoir.core.ratelimit import Limit
from comptoir.demo.customers import Customers
from comptoir.demo.doors import Doors, load_doors

WRITES = Limit("demo-writes", 20, 60)
ROADS = ("email", "webform", "webchat")


def _doors() -> tuple[Organisation, Doors]:
    shown = organisation()
    if not shown.is_demo:
        raise Http404
    try:
        return shown, load_doors()
    except LookupError:
        raise Http404 from None


@require_safe
def shop(request: HttpRequest) -> HttpResponse:
    """Show the shop."""
    shown, doors = _doors()
    french = get_language() == "fr"
    context = {
        "organisation": shown,
        "doors": doors,
        "offers": _offers(french),
        "phones": _phones(french),
        "wrote": _wrote(request.GET.get("wrote", "")),
        "other_language": ("en", "English") if french else ("fr", "Français"),
    }
    return render(request, "demo/shop.html", context)


@require_POST
def write(request: HttpRequest) -> HttpResponse:
    """Let an invented customer write, by the road that was chosen."""
    _, doors = _doors()
    road = request.POST.get("road", "")
    language = "fr" if request.POST.get("lang") == "fr" else "en"
    told = "wait"
    if road in ROADS and not ratelimit.take(WRITES, ratelimit.network_of(request), at=clock.now()):
        Customers(doors, 0).write_new(road=road, language=language)
        told = road
    return HttpResponseRedirect(f"{reverse('demo:shop')}?lang={language}&wrote={told}#stage", status=303)


def _wrote(road: str) -> str:
    words = {
        "email": _("A customer's mail has arrived at the desk."),
        "webform": _("A customer has sent the form; it is at the desk."),
        "webchat": _("A customer has opened a chat; it is at the desk."),
        "wait": _("That was a lot at once. Wait a moment, then try again."),
    }
    return words.get(road, "")


def _price(cents: int, french: bool) -> str:
    return f"{cents // 100},{cents % 100:02d}\N{NO-BREAK SPACE}€" if french else f"€{cents // 100}.{cents % 100:02d}"


def _offers(french: bool) -> list[dict[str, object]]:
    return [
        {
            "name": "Voile 20 Go", "price": _price(990, french),
            "lines": [_("20 GB in France and Europe"), _("Unlimited calls and messages"), _("No commitment")],
        },
        {
            "name": "Fibre Grand Large", "price": _price(3490, french), "is_loved": True,
            "lines": [_("Up to 2 Gb/s, box included"), _("Engineer within ten days"), _("Your number stays yours")],
        },
        {
            "name": "Voile 200 Go", "price": _price(1790, french),
            "lines": [_("200 GB, 35 of them in Europe"), _("5G where it reaches"), _("A second SIM for the tablet")],
        },
    ]  # fmt: skip


def _phones(french: bool) -> list[dict[str, str]]:
    return [
        {
            "name": "Maravel 7",
            "tone": "teal",
            "price": _price(32900, french),
            "words": _("The all-rounder, seven years of updates"),
        },
        {
            "name": "Nérine X2",
            "tone": "coral",
            "price": _price(64900, french),
            "words": _("Night photos worth framing"),
        },
        {
            "name": "Solenn 3",
            "tone": "dune",
            "price": _price(17900, french),
            "words": _("Refurbished, with a new battery"),
        },
    ]
