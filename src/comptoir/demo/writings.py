"""What the demo's team has written down: saved replies in both languages, and macros. Written once, by the system."""

from comptoir.journal.services import SYSTEM
from comptoir.knowledge.models import Macro, SavedReply
from comptoir.knowledge.services import ReplyWords, save_macro, save_reply

REPLIES = (
    ReplyWords(
        "Demander le numéro de ligne", folder="Dépannage", shortcut="ligne",
        bodies={
            "fr": "Bonjour {{contact.first_name}},\n\nPour regarder cela tout de suite, il me faut votre numéro de "
                  "ligne : il est en haut de chaque facture.\n\n{{agent.first_name}}, {{organisation.name}}",
            "en": "Hello {{contact.first_name}},\n\nTo look into this at once I need your line number: it is at the "
                  "top of every bill.\n\n{{agent.first_name}}, {{organisation.name}}",
        },
    ),
    ReplyWords(
        "Redémarrer la box", folder="Dépannage", shortcut="box",
        bodies={
            "fr": "Débranchez la box, attendez trente secondes, rebranchez-la : les voyants sont verts après deux "
                  "minutes environ. S’ils restent orange, répondez-moi ici et je fais tester votre ligne.",
            "en": "Unplug the box, wait for thirty seconds and plug it in again: the lights are green after about "
                  "two minutes. If they stay orange, answer here and I will have your line tested.",
        },
    ),
    ReplyWords(
        "Technicien en route", folder="Dépannage", shortcut="technicien",
        bodies={
            "fr": "Un technicien est prévu. Il vous appelle une demi-heure avant de passer ; vous n’avez rien à "
                  "régler."
        },
    ),
    ReplyWords(
        "Remboursement confirmé", folder="Facturation", shortcut="remboursement",
        bodies={
            "fr": "Bonjour {{contact.first_name}},\n\nLe remboursement est parti aujourd’hui. Selon votre banque il "
                  "apparaît en deux à cinq jours ouvrés.\n\n{{agent.first_name}}",
            "en": "Hello {{contact.first_name}},\n\nYour refund left today. Depending on your bank it shows "
                  "within two to five working days.\n\n{{agent.first_name}}",
        },
    ),
    ReplyWords(
        "Merci, dossier clos", shortcut="merci",
        bodies={
            "fr": "Merci de nous l’avoir dit ! Je clos le dossier n° {{conversation.number}} ; répondez ici si "
                  "quelque chose ne va pas, il se rouvre tout seul.",
            "en": "Thank you for telling us! I am closing no. {{conversation.number}}; answer here if anything is "
                  "wrong, and it opens again by itself.",
        },
    ),
)  # fmt: skip
MACROS = (
    (
        "Demander le numéro de ligne et attendre",
        [
            {"do": "assign", "with": "me"},
            {"do": "insert", "with": REPLIES[0].bodies["fr"]},
            {"do": "state", "with": "pending"},
        ],
    ),
    (
        "Urgent : ligne coupée",
        [
            {"do": "priority", "with": "2"},
            {"do": "note", "with": "Ligne coupée : vérifier d’abord la carte des incidents."},
        ],
    ),
)


def write_down() -> None:
    """Write what is not there yet."""
    if not SavedReply.objects.exists():
        for words in REPLIES:
            save_reply(actor=SYSTEM, user=None, words=words)
    if not Macro.objects.exists():
        for name, steps in MACROS:
            save_macro(actor=SYSTEM, user=None, name=name, steps=steps)
