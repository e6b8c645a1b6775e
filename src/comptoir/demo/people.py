"""The cast: the organisation, its staff, and the invented customers with their ways of writing. Pure."""

import random
import re
import unicodedata
from dataclasses import dataclass

ORGANISATION = "Ondavelle"
DOMAIN = "ondavelle.example"


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member of staff."""

    name: str
    login: str
    role: str
    language: str
    teams: tuple[str, ...]

    @property
    def email(self) -> str:
        """Return the address they sign in with."""
        return f"{self.login}@{DOMAIN}"


SERVICE, SHOP, MARKETING, PRESS = "Service client", "Boutique", "Marketing", "Relations presse"
TEAMS = (SERVICE, SHOP, MARKETING, PRESS)
DEPARTMENTS = {SERVICE: "service", SHOP: "sales", MARKETING: "marketing", PRESS: "pr"}
STAFF = (
    Colleague("Hélène Vasseur", "helene", "admin", "fr", TEAMS),
    Colleague("Karim Benhaddou", "karim", "lead", "fr", (SERVICE, SHOP)),
    Colleague("Inès Moreau", "ines", "agent", "fr", (SERVICE,)),
    Colleague("Amelia Hart", "amelia", "agent", "en", (SERVICE, SHOP)),
    Colleague("Yann Le Goff", "yann", "agent", "fr", (SHOP,)),
    Colleague("Clara Fontenay", "clara", "agent", "fr", (MARKETING, PRESS)),
)

# Mail providers and firms that exist nowhere: .example is reserved (RFC 2606). The demo reacts to these alone.
PROVIDERS = ("courriel-bleu.example", "pelican.example", "vallee-mail.example", "posty.example", "boite-lune.example")
FIRMS = (
    ("Menuiserie Larrieu", "menuiserie-larrieu.example"),
    ("Cabinet Oriol & Associés", "oriol-associes.example"),
    ("Les Vergers de Kerlann", "vergers-kerlann.example"),
    ("Imprimerie du Môle", "imprimerie-du-mole.example"),
    ("Halden Yachts", "halden-yachts.example"),
    ("Northgate Translations", "northgate-translations.example"),
)
NEWSROOMS = (
    ("Le Courrier des Estuaires", "courrier-estuaires.example"),
    ("Radio Grand Pertuis", "grand-pertuis.example"),
)
NEWSROOMS_EN = (("The Estuary Post", "estuary-post.example"), ("Harbour Monthly", "harbour-monthly.example"))
FULL_BOXES = frozenset({"odile.marchand@pelican.example"})  # the demo's mail server refuses them: deliveries that fail

_FIRST_FR = (
    "Marie Chantal Julien Nathalie Sofiane Élodie Baptiste Maëlle Jérôme Fatima Loïc Aurélie Gaël Noémie Régis Awa "
    "Cédric Zoé François Léa Hugo Josiane Ousmane Thérèse Raphaël Myriam Étienne Solène Mehdi Brigitte"
).split()
_LAST_FR = (
    "Lefèvre|Garnier|Diallo|Roussel|Bénard|Le Bihan|Marchand|Cissé|Gauthier|Perrot|Açıkgöz|Meunier|Da Silva|Guérin|"
    "Bouvier|Nguyen|Fabre|Château|Hervé|Lacombe|Benali|Dufresne|Noël|Pasquier|Quéré|Saïdi|Tessier|Vidal|Weber|Kowalczyk"
).split("|")
_FIRST_EN = (
    "Oliver Grace Callum Priya Hannah Declan Sophie Marcus Niamh Edith Rhys Chloe Arthur Imogen Samir Poppy".split()
)
_LAST_EN = "Whitfield Okafor Brennan Sharma Lockwood Pryce Donnelly Ashworth Keane Fairley Mistry Holloway Tate".split()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who writes to Ondavelle."""

    name: str
    email: str
    language: str
    who: str  # any, teen, elderly, business, press
    company: str = ""

    @property
    def first(self) -> str:
        """Return the first name."""
        return self.name.split()[0]


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.lower().replace("ı", "i")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]+", "-", letters).strip("-")


def draw_person(rng: random.Random, language: str, who: str) -> Person:
    """Return a customer of a kind; the same name always has the same address."""
    french = language == "fr"
    first, last = rng.choice(_FIRST_FR if french else _FIRST_EN), rng.choice(_LAST_FR if french else _LAST_EN)
    name = f"{first} {last}"
    if who in {"business", "press"}:
        houses = FIRMS if who == "business" else NEWSROOMS if french else NEWSROOMS_EN
        company, domain = rng.choice(houses)
        return Person(name, f"{_plain(first)[0]}.{_plain(last)}@{domain}", language, who, company)
    domain = PROVIDERS[sum(map(ord, name)) % len(PROVIDERS)]
    return Person(name, f"{_plain(first)}.{_plain(last)}@{domain}", language, who)


def is_invented(email: str) -> bool:
    """Return whether the address belongs to the demo's cast: the demo answers in nobody else's name."""
    return email.lower().rpartition("@")[2] in _DOMAINS


_DOMAINS = frozenset({*PROVIDERS, *(domain for _, domain in (*FIRMS, *NEWSROOMS, *NEWSROOMS_EN))})
