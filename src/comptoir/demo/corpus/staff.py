"""What the staff writes beside the answers of the scenarios: notes, and the second answer to who insists."""

# Inside, among colleagues.
NOTES = (
    "Ligne testée à distance : pas de synchronisation depuis 4 h 12. Incident réseau ouvert, retour attendu ce soir.",
    "Client depuis 2015, jamais un retard. Geste commercial validé par Karim.",
    "Rappelé à 11 h : sur messagerie. Je retente cet après-midi.",
    "Vu avec la logistique : le colis est localisé à l'entrepôt, il repart demain.",
    "Attention, deuxième contact en dix jours sur le même sujet.",
    "@Clara peux-tu regarder ? C'est plutôt pour toi.",
    "J'attends la réponse de l'équipe réseau avant de m'engager sur une date.",
)
# Why a conversation was closed without a written answer.
CALLS = (
    "Réglé au téléphone, vingt minutes. Tout est bon.",
    "Rappel client à 10 h 15 : le problème venait d'un câble débranché. Rien à écrire.",
    "Doublon d'une demande déjà traitée hier par téléphone.",
    "Passé en boutique avant notre réponse, c'est réglé sur place.",
    "Appel sortant, le client confirme que tout est rentré dans l'ordre.",
)
# By topic of the scenario.
SECOND_ANSWERS = {
    "fr": {
        "internet": (
            "Merci d'être revenu vers nous, et pardon pour ce contretemps. L'équipe réseau a repris "
            "votre ligne : un second défaut se cachait derrière le premier. C'est réparé, et je "
            "refais une mesure demain matin."
        ),
        "billing": (
            "Vous avez raison d'insister : je n'avais regardé que le dernier mois. J'ai repris tout "
            "le dossier, la régularisation complète part aujourd'hui et je vous en envoie le détail."
        ),
        "orders": (
            "Pardon pour cette attente de plus. J'ai eu l'entrepôt au téléphone : tout est parti ce "
            "matin par coursier, et je suis le colis jusqu'à votre porte."
        ),
        "other": (
            "Merci de votre patience, et pardon pour ce contretemps. J'ai repris le dossier moi-même "
            "avec l'équipe concernée : c'est réglé, et je vérifie encore demain que tout va bien."
        ),
    },
    "en": {
        "internet": (
            "Thank you for coming back to us, and sorry for the extra round. The network team has "
            "been through your line again: a second fault was hiding behind the first. It's mended, "
            "and I'll take another reading tomorrow morning."
        ),
        "billing": (
            "You were right to insist: I had looked at the last month only. I've been through the "
            "whole account, the full correction leaves today and you'll get the details in writing."
        ),
        "orders": (
            "Sorry for the extra wait. I've had the warehouse on the phone: it left by courier this "
            "morning, and I'm following it to your door."
        ),
        "other": (
            "Thank you for your patience, and sorry for the extra round. I went through it again with"
            " the team concerned: it's settled, and I'll check once more tomorrow that all is well."
        ),
    },
}
