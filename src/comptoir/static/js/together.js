// Who else is at this conversation, that somebody types in it, and what the page has shown before an answer leaves.
{
  const RENEW = 5000; // ms between two words that somebody still types
  const FORGET = 9000; // ms after which a typing that was not renewed is over
  const line = () => document.querySelector("[data-here]");
  const language = document.documentElement.lang || "en";
  const names = new Intl.ListFormat(language, { type: "conjunction" });
  let others = [];
  let timer = 0;

  const avatar = ({ id, name }) => {
    const words = name.split(/\s+/).filter(Boolean);
    const letters = (words.length > 1 ? words[0][0] + words.at(-1)[0] : words[0]?.[0] ?? "?").toUpperCase();
    const mark = Object.assign(document.createElement("span"), { className: "avatar", textContent: letters });
    mark.dataset.hue = (id % 6) + 1;
    mark.ariaHidden = "true";
    return mark;
  };
  const draw = () => {
    const place = line();
    if (!place) return;
    const typing = others.filter((person) => person.typing);
    const told = typing.length ? typing : others;
    const { looks, look, types, type } = place.dataset;
    const pattern = typing.length ? (typing.length > 1 ? type : types) : others.length > 1 ? look : looks;
    const words = told.length ? pattern.replace("{who}", names.format(told.map((person) => person.name))) : "";
    if (place.dataset.said === words) return;
    place.dataset.said = words;
    place.hidden = !words;
    place.toggleAttribute("data-typing", typing.length > 0);
    place.replaceChildren(...told.slice(0, 4).map(avatar), Object.assign(document.createElement("span"), { textContent: words }));
  };
  document.addEventListener("live:here", (event) => {
    others = event.detail;
    draw();
    clearTimeout(timer);
    timer = setTimeout(() => {
      others = others.map((person) => ({ ...person, typing: false }));
      draw();
    }, FORGET);
  });

  // In a list: a mark in the rows of conversations that somebody has open. A refresh draws the rows anew, without it.
  const visits = new Map();
  const mark = () => {
    for (const old of document.querySelectorAll(".q-here")) old.remove();
    const pattern = document.querySelector("[data-live]")?.dataset.visit ?? "{who}";
    for (const [number, people] of visits) {
      const place = document.querySelector(`#c-${number} .q-tags`);
      if (!place) continue;
      const sign = Object.assign(document.createElement("span"), { className: "q-here", role: "img" });
      sign.title = sign.ariaLabel = pattern.replace("{who}", names.format(people.map((person) => person.name)));
      sign.append(...people.slice(0, 2).map(avatar));
      place.prepend(sign);
    }
  };
  document.addEventListener("live:visitors", (event) => {
    for (const [number, people] of Object.entries(event.detail)) {
      if (people.length) visits.set(number, people);
      else visits.delete(number);
    }
    mark();
  });
  document.addEventListener("htmx:afterSettle", () => visits.size && mark());

  let said = 0;
  const say = (typing) => {
    const place = line();
    if (!place) return;
    const now = Date.now();
    if (typing ? now - said < RENEW : !said) return;
    said = typing ? now : 0;
    const body = new URLSearchParams({ tab: document.documentElement.dataset.tab ?? "", typing: typing ? "1" : "0" });
    const token = place.closest("form").querySelector("[name=csrfmiddlewaretoken]").value;
    fetch(place.dataset.here, { method: "POST", body, headers: { "X-CSRFToken": token, "HX-Request": "true", "Comptoir-Unasked": "1" }, keepalive: true }).catch(() => {});
  };
  document.addEventListener("input", (event) => event.target.matches("[data-composer] textarea") && say(event.target.value !== ""));

  // What this page has shown goes along with an answer, so that one that somebody overtook waits for a second look.
  const seen = () => Math.max(0, ...[...document.querySelectorAll("#timeline > .msg")].map((message) => Number(message.id.slice(1)) || 0));
  const isAnswer = (event) => event.detail.elt.matches?.("[data-composer]");
  document.addEventListener("htmx:configRequest", (event) => {
    if (isAnswer(event)) event.detail.parameters.seen = String(seen());
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!isAnswer(event)) return;
    if (event.detail.successful) {
      say(false);
      document.getElementById("collision")?.replaceChildren();
    } else if (event.detail.xhr?.status === 409) document.querySelector("#collision button")?.focus();
  });
}
