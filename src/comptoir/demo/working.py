"""How the demo's staff works: opening hours, a few rules to look at, who can do what. Made once, as of now."""

from comptoir.accounts.models import Team, User
from comptoir.accounts.services import actor_of
from comptoir.calendars import services as calendars
from comptoir.calendars.models import Calendar
from comptoir.demo.people import DOMAIN, PRESS, SERVICE
from comptoir.routing import services
from comptoir.routing.models import Rule
from comptoir.routing.rules.conditions import Action, Condition, Definition

_WEEK = [*["8:30–19:00"] * 5, "8:30–19:00", ""]  # as the signature of the mailbox says


def ensure() -> None:
    """Set the hours, the skills and the rules, where nobody has set any."""
    boss = User.objects.get(email=f"helene@{DOMAIN}")
    if Calendar.objects.exists() or Rule.objects.exists():
        return
    calendars.save_calendar(
        actor=actor_of(boss), team=None, zone="Europe/Paris", week=_WEEK, holidays_of="FR", is_always_open=False
    )
    for login, languages in (("ines", {"fr": 3}), ("amelia", {"en": 3, "fr": 2}), ("karim", {"fr": 3, "en": 1})):
        user = User.objects.get(email=f"{login}@{DOMAIN}")
        skills = {f"language:{code}": level for code, level in languages.items()}
        services.save_workload(actor=actor_of(boss), user=user, capacity=15, by_channel={"webchat": 3}, skills=skills)
    for name, team, definition, is_active in _rules():
        rule = services.save_rule(
            actor=actor_of(boss), user=boss, rule=None, name=name, team=team, definition=definition, hourly_limit=10
        )
        services.set_rule_active(actor=actor_of(boss), rule=rule, is_active=is_active)


def _rules() -> list[tuple[str, Team | None, Definition, bool]]:
    service, press = Team.objects.get(name=SERVICE), Team.objects.get(name=PRESS)
    karim = User.objects.get(email=f"karim@{DOMAIN}")
    lawyer = Condition("text", "has", "avocat, mise en demeure, médiateur, tribunal")
    journalist = Condition("address", "like", "@courrier-estuaires.")
    late = Action("notify", "Cette conversation attend depuis quatre heures.", (karim.pk,))
    answer = Action(
        "reply",
        "Bonjour,\n\nNous avons bien reçu votre message. Nos bureaux sont fermés pour le moment ; "
        "nous vous répondrons dès l’ouverture.\n\nLe service client Ondavelle",
    )
    return [
        (
            "Menace de contentieux",
            None,
            Definition("received", every=(lawyer,), actions=(Action("priority", "2"),)),
            True,
        ),
        ("Quatre heures d’attente", service, Definition("waiting", 240, actions=(late,)), True),
        (
            "La presse au service presse",
            service,
            Definition("created", every=(journalist,), actions=(Action("team", str(press.pk)),), is_last=True),
            False,
        ),
        (
            "Accusé de réception hors des heures",
            service,
            Definition("received", every=(Condition("hours", "is", "closed"),), actions=(answer,)),
            False,
        ),
    ]
