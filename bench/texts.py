"""Texts that look like customer mail to a search index: French and English sentences over a Zipf vocabulary."""

import itertools
import random

FRENCH = (
    "bonjour je vous écris au sujet de ma commande qui devait arriver hier le livreur n'est jamais passé et suivi "
    "indique un retard pouvez vous vérifier merci par avance facture numéro client remboursement échange taille "
    "couleur garantie panne écran batterie mot passe connexion erreur paiement refusé carte abonnement "
    "résiliation box internet débit technicien rendez-vous ligne coupée depuis trois jours toujours aucune "
    "réponse service réseau mobile forfait option itinérance prélèvement double adresse changement contrat colis "
    "relais boutique conseiller promis geste commercial urgent déjà"
).split()
ENGLISH = (
    "hello the parcel was damaged and app crashes when opening settings page please help my order has not arrived "
    "yet invoice shows wrong amount refund exchange size colour warranty broken screen battery password reset "
    "login error payment declined card subscription cancel router speed slow engineer appointment line dead since "
    "three days still no answer network plan roaming charged twice address change contract delivery shop advisor "
    "promised discount urgent already tried again thanks"
).split()
SYLLABLES = (
    "ba be bi bo ca ce co da de di do fa fi fo ga go la le li lo ma me mi mo na ne ni no pa pe po ra re ri ro sa "
    "se si so ta te ti to va ve vi vo"
).split()
FIRST = (
    "Zoé Amélie François Hélène Jürgen Noël Chloé Inès Gaëlle Loïc Aïcha Benoît Théo Élodie Marie Paul Anna Ken "
    "Yuki Omar Louise Hugo"
).split()
LAST = (
    "Lefèvre Müller Dubois Nuñez Garçon Bélanger Smith Durand Moreau Kowalski O'Brien Haddad Tanaka Rossi Petit "
    "Laurent Girard"
).split()
RARE_WORDS = 60_000  # of invented words; the rarest occur a handful of times in five million messages


class Writer:
    """Writes names and texts, the same ones for the same seed; fast, because sentences are drawn from a stock."""

    def __init__(self, seed: int, *, stock: int = 4000) -> None:
        self._chance = random.Random(seed)
        words = ["".join(p) for p in itertools.islice(itertools.product(SYLLABLES, repeat=4), 0, None, 70)][:RARE_WORDS]
        random.Random(1).shuffle(words)
        self._rare = words
        self._sentences = {
            "fr": [self._sentence(FRENCH) for _ in range(stock)],
            "en": [self._sentence(ENGLISH) for _ in range(stock)],
        }

    def _sentence(self, common: list[str]) -> str:
        words = []
        for _ in range(self._chance.randrange(6, 19)):
            place = int(self._chance.paretovariate(0.6)) - 1
            words.append(common[place] if place < len(common) else self._rare[place % len(self._rare)])
        return " ".join(words).capitalize() + "."

    def language(self) -> str:
        """Draw a language: three in five are French."""
        return "fr" if self._chance.random() < 0.6 else "en"

    def text(self, language: str = "") -> str:
        """Draw two to five sentences, with a greeting."""
        language = language or self.language()
        chosen = self._chance.choices(self._sentences[language], k=self._chance.randrange(2, 5))
        if self._chance.random() < 0.15:
            chosen.append(f"Ref {self.rare()}.")
        return ("Bonjour,\n\n" if language == "fr" else "Hello,\n\n") + " ".join(chosen)

    def rare(self) -> str:
        """Draw a word that hardly anybody uses."""
        return self._chance.choice(self._rare)

    def name(self) -> str:
        """Draw a name."""
        return f"{self._chance.choice(FIRST)} {self._chance.choice(LAST)}"
