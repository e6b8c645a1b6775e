"""What the demo's people have put in order: labels by what customers write about, own fields, views."""

import re

from comptoir.accounts.models import User
from comptoir.accounts.services import actor_of
from comptoir.contacts.fields import create_field
from comptoir.conversations.changing import Change, change_conversations
from comptoir.conversations.filtering import QueueFilter
from comptoir.conversations.labelling import create_label
from comptoir.conversations.models import Conversation, Label, State
from comptoir.conversations.saving import save_view
from comptoir.demo.people import STAFF

# name: (colour, what its conversations say)
LABELS = {
    "Facturation": ("amber", r"factur|prélèv|rembours|invoice|bill|charged|refund"),
    "Panne": ("red", r"panne|coupure|tonalité|no signal|no internet|outage|ne fonctionne|dropped"),
    "Fibre": ("blue", r"fibre|box\b|technicien|engineer"),
    "Résiliation": ("plum", r"résili|cancel|déménage|moving"),
    "Livraison": ("teal", r"colis|livr|parcel|deliver"),
}


def put_in_order() -> None:
    """Make labels, fields and views as the administrator would; once."""
    if Label.objects.exists():
        return
    admin = User.objects.get(email=STAFF[0].email)
    actor = actor_of(admin)
    texts = list(Conversation.objects.exclude(state=State.MERGED).values_list("pk", "subject", "preview"))
    made: dict[str, int] = {}
    for name, (colour, pattern) in LABELS.items():
        made[name] = create_label(actor=actor, name=name, colour=colour).pk
        ids = [pk for pk, subject, preview in texts if re.search(pattern, f"{subject} {preview}", re.IGNORECASE)]
        change_conversations(actor=actor, user=admin, ids=ids, change=Change("labels", add=(made[name],)))
    offers = ["Fibre 1 Gb/s", "Fibre 300 Mb/s", "Mobile 100 Go", "Mobile 20 Go"]
    create_field(actor=actor, subject="conversation", name="Offre concernée", kind="choice", choices=offers)
    create_field(actor=actor, subject="conversation", name="Geste commercial", kind="checkbox")
    create_field(actor=actor, subject="contact", name="Numéro de contrat", kind="text", help="Il commence par C-.")
    lasting = QueueFilter(labels=(made["Panne"],), waiting_minutes=60, sort="priority")
    for name, chosen, scope in (
        ("Pannes de plus d’une heure", lasting, "everyone"),
        ("Résiliations", QueueFilter(waits=None, labels=(made["Résiliation"],), sort="activity"), "everyone"),
        ("Réponses non remises", QueueFilter(waits=None, trouble=True, sort="activity"), "personal"),
    ):
        save_view(actor=actor, user=admin, name=name, chosen=chosen, scope=scope, team=None)
