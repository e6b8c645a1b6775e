// Completion of the words of a search: the filters' names, and the values that they often have. The words stand in a <datalist>.
const input = document.querySelector("[data-search-words]");
const fold = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
const words = [...document.getElementById(input.dataset.searchWords).options].map((option) => ({ word: option.value, help: option.label === option.value ? "" : option.label }));
const list = document.createElement("ul");
list.className = "options";
list.id = "search-options";
list.hidden = true;
list.setAttribute("role", "listbox");
list.setAttribute("aria-label", input.getAttribute("aria-label"));
input.parentElement.append(list);
for (const [name, value] of Object.entries({ role: "combobox", "aria-controls": list.id, "aria-expanded": "false", "aria-autocomplete": "list" })) input.setAttribute(name, value);

const token = () => {
  const before = input.value.slice(0, input.selectionStart);
  const typed = before.match(/\S*$/)[0];
  return { typed, from: before.length - typed.length };
};
const close = () => {
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
};
const choose = (at) => {
  [...list.children].forEach((item, number) => item.setAttribute("aria-selected", String(number === at)));
  if (at < 0) input.removeAttribute("aria-activedescendant");
  else {
    input.setAttribute("aria-activedescendant", list.children[at].id);
    list.children[at].scrollIntoView({ block: "nearest" });
  }
};
const take = (word) => {
  const { typed, from } = token();
  const whole = word.endsWith(":") ? word : `${word} `;
  input.setRangeText(whole, from, from + typed.length, "end");
  input.focus();
  show();
};
const show = () => {
  const { typed } = token();
  const start = fold(typed);
  // Names first; the values of one filter when its name and colon are there.
  const found = start ? words.filter(({ word }) => fold(word).startsWith(start) && fold(word) !== start && (start.includes(":") || word.endsWith(":"))) : [];
  list.replaceChildren(...found.slice(0, 12).map(({ word, help }, number) => {
    const item = document.createElement("li");
    item.className = "option";
    item.id = `search-option-${number}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    item.append(Object.assign(document.createElement("code"), { textContent: word }));
    if (help) item.append(Object.assign(document.createElement("small"), { textContent: help }));
    item.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      take(word);
    });
    return item;
  }));
  if (!found.length) close();
  else {
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    choose(-1);
  }
};
input.addEventListener("input", show);
input.addEventListener("blur", close);
input.addEventListener("keydown", (event) => {
  if (list.hidden) return;
  const all = [...list.children];
  const at = all.findIndex((item) => item.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose((at + (event.key === "ArrowDown" ? 1 : at < 0 ? 0 : -1) + all.length) % all.length);
  } else if ((event.key === "Enter" || event.key === "Tab") && at >= 0) {
    event.preventDefault();
    take(all[at].querySelector("code").textContent);
  } else if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    close();
  }
});
