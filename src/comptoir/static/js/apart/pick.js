// A combobox above the composer: a field that filters, a list walked with the arrows, Enter inserts, Escape goes back with what was
// typed. `source`: label, literal (what the opening key would have written), find(query, signal) -> HTML of options, used(option).
export const pick = (form, source) => {
  const box = Object.assign(document.createElement("div"), { className: source.isGrid ? "pick pick-grid" : "pick" });
  const field = Object.assign(document.createElement("input"), { className: "input pick-field", autocomplete: "off", spellcheck: false, placeholder: source.label });
  const list = Object.assign(document.createElement("ul"), { className: "pick-list", id: "pick-list" });
  const attributes = { role: "combobox", "aria-label": source.label, "aria-expanded": "true", "aria-controls": "pick-list", "aria-autocomplete": "list" };
  for (const [name, value] of Object.entries(attributes)) field.setAttribute(name, value);
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", source.label);
  box.append(field, list);
  form.querySelector(".composer-box").append(box);
  const text = form.querySelector(".composer-text");
  let running = null;
  let timer = 0;

  const options = () => [...list.querySelectorAll("[data-text]")];
  const current = () => list.querySelector("[aria-selected=true]");
  const choose = (option) => {
    current()?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) field.setAttribute("aria-activedescendant", option.id);
    else field.removeAttribute("aria-activedescendant");
  };
  const close = (insert) => {
    running?.abort();
    clearTimeout(timer);
    box.remove();
    text.focus();
    if (insert) text.form.dispatchEvent(new CustomEvent("composer:insert", { bubbles: true, detail: insert }));
  };
  const take = (option) => {
    source.used(option);
    close(option.dataset.text);
  };
  const look = async () => {
    running?.abort();
    running = new AbortController();
    try {
      const found = await source.find(field.value, running.signal);
      if (typeof found === "string") list.innerHTML = found; // our own templates, escaped there
      else list.replaceChildren(...found);
      list.scrollTop = 0;
      choose(options()[0]);
    } catch {
      // Overtaken by the next letter, or no network: what is shown stays.
    }
  };
  const across = () => {
    const all = options();
    const second = all.findIndex((option) => option.offsetTop > all[0].offsetTop);
    return second > 0 ? second : all.length;
  };
  const step = (key) => {
    if (!source.isGrid) return { ArrowDown: 1, ArrowUp: -1 }[key];
    const isAtEnd = field.selectionStart === field.value.length;
    return { ArrowDown: across(), ArrowUp: -across(), ArrowRight: isAtEnd ? 1 : 0, ArrowLeft: isAtEnd && (field.value === "" || options().indexOf(current()) > 0) ? -1 : 0 }[key];
  };
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.isComposing) return;
    const all = options();
    const by = step(event.key);
    if (event.key === "Escape") {
      event.preventDefault();
      close(source.literal && source.literal + field.value);
    } else if (event.key === "Backspace" && !field.value) {
      event.preventDefault();
      close("");
    } else if ((event.key === "Enter" || event.key === "Tab") && current()) {
      event.preventDefault();
      take(current());
    } else if (event.key === "Enter") event.preventDefault();
    else if (by && all.length) {
      event.preventDefault();
      const at = all.indexOf(current()) + by;
      choose(all[source.isGrid ? Math.max(0, Math.min(all.length - 1, at)) : (at + all.length) % all.length]);
    }
  });
  field.addEventListener("input", (event) => {
    event.stopPropagation(); // the draft has not changed
    if (source.literal && field.value.startsWith(" ")) return close(source.literal + field.value); // "1 / 2" was meant
    clearTimeout(timer);
    timer = setTimeout(look, source.isGrid ? 0 : 90);
  });
  list.addEventListener("mousedown", (event) => event.target.closest("a") || event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[data-text]");
    if (option) take(option);
  });
  list.addEventListener("mousemove", (event) => {
    const option = event.target.closest("[data-text]");
    if (option && option !== current()) choose(option);
  });
  field.addEventListener("blur", () => setTimeout(() => box.isConnected && !box.contains(document.activeElement) && close(source.literal && source.literal + field.value), 150));
  field.focus();
  look();
};
