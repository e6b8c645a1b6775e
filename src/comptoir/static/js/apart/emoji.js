// The emoji that answers need, with the words by which English and French people look for them. Loaded when the picker opens.
const ALL = `😀 grinning happy sourire content
😃 smile happy joie sourire
😄 laugh happy rire heureux
😁 grin sourire dents
😅 sweat relief ouf soulagement sueur
😂 tears joy laugh rire larmes mdr
🙂 slight smile léger sourire
🙃 upside down envers ironie
😉 wink clin d'oeil
😊 blush smile sourire rougir
😇 angel halo ange
🥰 love hearts amour coeurs
😍 heart eyes adore yeux coeur
🤩 star struck étoiles génial
😘 kiss bisou baiser
😋 yummy délicieux miam
😜 tongue wink langue blague
🤗 hug câlin accolade
🤭 oops giggle oups
🤫 quiet hush chut silence
🤔 thinking réfléchir hmm
🤨 raised eyebrow doute sourcil
😐 neutral neutre
😏 smirk malin
🙄 eye roll yeux ciel
😬 grimace gêne
😌 relieved soulagé calme
😴 sleep dormir sommeil
🤒 sick thermometer malade fièvre
🤕 hurt bandage blessé
🤯 mind blown exploser tête
🥳 party fête anniversaire
😎 cool sunglasses lunettes soleil
🤓 nerd intello
😕 confused perplexe
😟 worried inquiet
🙁 frown mécontent
😮 surprised oh étonné surpris
😳 flushed gêné rouge
🥺 pleading supplier svp
😢 cry sad pleurer triste
😭 sob crying sanglots pleurer
😤 huff triumph agacé
😠 angry fâché colère
😡 rage angry furieux colère
😱 scream fear peur cri
😓 downcast sweat désolé
😔 pensive sad désolé pensif
😞 disappointed déçu
🤷 shrug sais pas haussement épaules
🤦 facepalm main visage
🙋 raise hand lever main question
🙇 bow sorry pardon excuses
💁 info hand renseignement
👋 wave hello bye bonjour salut au revoir
👌 ok perfect parfait
✌️ victory peace victoire paix
🤞 fingers crossed doigts croisés chance
👍 thumbs up yes ok pouce oui d'accord
👎 thumbs down no pouce non
👏 clap bravo applaudir
🙌 praise hourra bras levés
🙏 thanks please pray merci s'il vous plaît
🤝 handshake deal poignée main accord
💪 strong muscle force courage
👉 point right doigt droite ici
👆 point up doigt haut
👇 point down doigt bas
✍️ writing écrire signer
👀 eyes look yeux regarder
❤️ heart love coeur rouge amour
🧡 orange heart coeur
💛 yellow heart coeur jaune
💚 green heart coeur vert
💙 blue heart coeur bleu
💜 purple heart coeur violet
💔 broken heart coeur brisé
✨ sparkles étincelles magie nouveau
⭐ star étoile
🌟 glowing star étoile brillante
🔥 fire hot feu
💯 hundred cent parfait
🎉 party tada fête bravo félicitations
🎊 confetti fête
🎁 gift present cadeau
🎂 cake birthday gâteau anniversaire
🎈 balloon ballon
🏆 trophy win trophée gagner
🥇 gold medal médaille or premier
🎯 target goal cible objectif
✅ check done yes fait coche oui
✔️ check mark coche valider
❌ cross no error croix non erreur
❗ exclamation important attention
❓ question mark interrogation
⚠️ warning attention danger alerte
🚫 forbidden no interdit
⛔ no entry sens interdit
ℹ️ information info renseignement
🆗 ok bouton
🆕 new nouveau
🔴 red circle rouge rond
🟠 orange circle rond
🟡 yellow circle jaune rond
🟢 green circle vert rond
🔵 blue circle bleu rond
➡️ arrow right flèche droite
⬅️ arrow left flèche gauche
⬆️ arrow up flèche haut
⬇️ arrow down flèche bas
🔄 refresh reload actualiser recharger
🔁 repeat répéter
🔍 search loupe chercher
🔒 lock closed cadenas fermé
🔓 unlock open cadenas ouvert
🔑 key clé mot de passe
🔔 bell cloche notification
🔗 link lien
📎 paperclip attachment trombone pièce jointe
📌 pin épingle
📍 place location lieu adresse
📅 calendar date calendrier
🕐 clock time heure horloge
⏰ alarm clock réveil
⏳ hourglass wait sablier attendre patience
📞 phone call téléphone appeler
📱 mobile phone portable mobile
💻 laptop computer ordinateur
🖨️ printer imprimante
📷 camera photo appareil
📧 email mail courriel e-mail
✉️ envelope letter enveloppe lettre
📦 parcel package box colis paquet
🚚 delivery truck livraison camion
✈️ plane avion voyage
🚆 train
🚗 car voiture
🚲 bike vélo
📄 document page papier
📝 memo note écrire
📋 clipboard liste presse-papiers
📊 chart graph graphique
💡 idea bulb idée ampoule
🛠️ tools repair outils réparer
🔧 wrench fix clé réparer
⚙️ settings gear réglages engrenage
🔌 plug power prise courant
🔋 battery batterie
📡 antenna network antenne réseau
🛒 cart shopping panier achat
💳 card payment carte paiement
💶 euro money argent billet
🧾 receipt invoice reçu facture
🏠 home house maison domicile
🏢 office building bureau immeuble
🏪 shop store magasin boutique
🏥 hospital hôpital
☀️ sun soleil beau
🌧️ rain pluie
❄️ snow cold neige froid
🌈 rainbow arc-en-ciel
🌍 world earth monde terre
🌱 plant green plante pousse écologie
🌸 flower blossom fleur
🌹 rose flower fleur
🐶 dog chien
🐱 cat chat
🐝 bee abeille
☕ coffee café
🍵 tea thé
🍕 pizza
🍞 bread pain
🥐 croissant
🍎 apple pomme
🍷 wine vin
🥂 cheers toast santé trinquer
🇫🇷 France French drapeau français
🇬🇧 United Kingdom British drapeau anglais
🇪🇺 Europe European drapeau européen`.split("\n").map((line) => {
  const [sign, ...words] = line.split(" ");
  return { sign, name: words.join(" ") };
});
const fold = (text) => text.toLowerCase().normalize("NFD").replace(/[\u0300-\u036f]/g, "");
for (const emoji of ALL) emoji.folded = ` ${fold(emoji.name)}`;

export const findEmoji = (query) => {
  const words = fold(query).split(/\s+/).filter(Boolean);
  const found = ALL.filter((emoji) => words.every((word) => emoji.folded.includes(` ${word}`)));
  return found.map((emoji, number) => {
    const option = document.createElement("li");
    option.setAttribute("role", "option");
    option.setAttribute("aria-label", emoji.name);
    option.id = `pick-${number + 1}`;
    option.dataset.text = emoji.sign;
    option.textContent = emoji.sign;
    option.title = emoji.name;
    return option;
  });
};
