"""The language of a message, from its most frequent small words: enough for search and for the language of an answer.

A pure function; '' means 'not sure'. (A trained model with a confidence takes its place with the understanding app.)
"""

import re
from collections import Counter

_WORDS = re.compile(r"[a-zà-öø-ÿœß]+")
_SAMPLE = 1500  # characters; the beginning decides, the rest is usually quoted history

# The most frequent function words that the languages do not share.
_MARKERS: dict[str, frozenset[str]] = {
    "fr": frozenset(
        "le la les un une des du de et est vous je nous pas que qui pour dans sur avec mon ma mes votre vos ce cette "
        "bonjour merci au aux ai suis être avoir c j l d n s qu ne plus mais depuis très comme ça cordialement".split()
    ),
    "en": frozenset(
        "the a an and is are you i we not that which for in on with my your this of to it have has was be am hello "
        "hi thanks thank please but since very how what when would could can do does from regards".split()
    ),
    "de": frozenset(
        "der die das und ist ich sie nicht ein eine mit für auf wir haben bitte danke hallo den dem".split()
    ),
    "es": frozenset("el los las una y es por para con mi su gracias hola pero muy como está qué usted del".split()),
    "it": frozenset("il gli una e è per con mio grazie ciao buongiorno ma molto come non sono della che di".split()),
    "nl": frozenset("het een en is ik niet voor met mijn van dank hallo maar zeer hoe wij heb naar de".split()),
    "pt": frozenset("o os uma e é por para com meu obrigado olá mas muito como não você do da em".split()),
}


# Turned around, so that a text is read once: word → the languages it speaks for.
_SPEAKS_FOR: dict[str, list[str]] = {}
for _code, _marks in _MARKERS.items():
    for _mark in _marks:
        _SPEAKS_FOR.setdefault(_mark, []).append(_code)


def guess_language(text: str) -> str:
    """Return the two-letter language, or '' when fewer than two marker words or no clear lead (a fifth) decide."""
    scores = Counter(code for word in _WORDS.findall(text[:_SAMPLE].lower()) for code in _SPEAKS_FOR.get(word, ()))
    leaders = scores.most_common(2)
    if not leaders or leaders[0][1] < 2:
        return ""
    code, best = leaders[0]
    second = leaders[1][1] if len(leaders) > 1 else 0
    return code if best > second * 1.2 else ""
