// The command palette, loaded when it is first opened. A combobox over a listbox: what the open page can do is found here,
// pages, conversations and contacts by the server. The last few that were used are remembered on this device, as numbers.
import { pageActions } from "./page-actions.js";

const PAUSE = 90; // ms without a key before the server is asked
const fold = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
const store = () => `palette:${document.body.dataset.me}`;
const lately = () => {
  try {
    return JSON.parse(localStorage.getItem(store())) ?? [];
  } catch {
    return [];
  }
};
const remember = (id) => {
  try {
    localStorage.setItem(store(), JSON.stringify([id, ...lately().filter((other) => other !== id)].slice(0, 8)));
  } catch {
    // Storage is off: nothing is remembered.
  }
};

let dialog = null;
let input = null;
let asked = null;
let timer = 0;
let actions = [];

const ask = async (query) => {
  asked?.abort();
  asked = new AbortController();
  const response = await fetch(`${document.body.dataset.palette}?${query}`, { headers: { "HX-Request": "true" }, signal: asked.signal, credentials: "same-origin" });
  if (!response.ok || response.redirected) throw new Error(response.status);
  return response.text();
};
const options = () => [...dialog.querySelectorAll("[role=option]")];
const choose = (option) => {
  for (const other of options()) other.setAttribute("aria-selected", String(other === option));
  if (option) {
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else input.removeAttribute("aria-activedescendant");
};
const current = () => dialog.querySelector("[aria-selected=true]");
const element = (name, values, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};
const drawActions = () => {
  const words = fold(input.value).split(/\s+/).filter(Boolean);
  const found = actions.filter(({ name }) => words.every((word) => fold(name).split(/[\s'’]+/).some((part) => part.startsWith(word))));
  const list = element("ul", { class: "pal-group", role: "group", "aria-label": dialog.dataset.here }, element("li", { class: "pal-title", role: "presentation", "aria-hidden": "true" }, dialog.dataset.here));
  found.slice(0, words.length ? 6 : 12).forEach((action, number) => {
    const line = element("li", { class: "pal-option", role: "option", id: `pal-here-${number}`, "aria-selected": "false" }, element("span", { class: "pal-label" }, action.name));
    if (action.key) line.append(element("kbd", { "aria-hidden": "true" }, action.key));
    line.action = action;
    list.append(line);
  });
  dialog.querySelector("[data-here-list]").replaceChildren(...(found.length ? [list] : []));
  settle();
};
const settle = () => {
  const all = options();
  const count = dialog.querySelector("[data-count]");
  count.textContent = `${all.length} ${count.dataset.words}`;
  choose(all[0] ?? null);
};
const search = () => {
  drawActions();
  clearTimeout(timer);
  timer = setTimeout(async () => {
    try {
      const text = input.value.trim();
      const found = await ask(text ? `q=${encodeURIComponent(text)}` : `q=&recent=${lately().join(",")}`);
      dialog.querySelector("[data-found]").innerHTML = found;
      settle();
    } catch {
      // A newer question is under way, or the connection is lost: what is shown stays.
    }
  }, PAUSE);
};
const run = (option, event) => {
  if (!option) {
    if (input.value.trim()) location.assign(`${document.body.dataset.palette}?q=${encodeURIComponent(input.value.trim())}`);
    return;
  }
  if (option.action) {
    dialog.close();
    const target = option.action.element;
    if (target.matches("input:not([type=radio], [type=checkbox]), textarea, summary")) target.focus();
    if (!target.matches("input:not([type=radio], [type=checkbox]), textarea")) target.click();
    return;
  }
  if (option.dataset.id) remember(option.dataset.id);
  if (event.ctrlKey || event.metaKey) globalThis.open(option.dataset.href, "_blank", "noopener");
  else location.assign(option.dataset.href);
};
const walk = (event) => {
  const all = options();
  const at = all.indexOf(current());
  const next = { ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length, PageDown: Math.min(at + 6, all.length - 1), PageUp: Math.max(at - 6, 0) }[event.key];
  if (next !== undefined && all.length) {
    event.preventDefault();
    choose(all[next]);
  } else if (event.key === "Enter" && !event.isComposing) {
    event.preventDefault();
    run(current(), event);
  } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    event.stopPropagation();
    dialog.close();
  }
};
const build = async () => {
  document.body.insertAdjacentHTML("beforeend", await ask(`recent=${lately().join(",")}`));
  dialog = document.getElementById("palette");
  input = dialog.querySelector("input");
  input.addEventListener("input", search);
  input.addEventListener("keydown", walk);
  dialog.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) run(option, event);
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    dialog = null;
  });
};

export const open = async () => {
  if (dialog) return;
  const other = document.querySelector("dialog[open]");
  if (other) other.close();
  actions = pageActions();
  await build();
  drawActions();
  dialog.showModal();
  input.focus();
};
