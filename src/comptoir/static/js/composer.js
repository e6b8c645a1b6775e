// The composer: Ctrl/Cmd-Enter sends, the draft survives a reload or a crash, files come in by paste and drop and show their names.
{
  const key = (text) => `draft:${text.dataset.draft}`;
  const store = (name, value) => {
    try {
      if (value) localStorage.setItem(name, value);
      else localStorage.removeItem(name);
      return true;
    } catch {
      return false;
    }
  };
  const say = (form, message) => {
    const state = form.querySelector("[data-draft-state]");
    if (state) state.textContent = message;
  };
  const size = (bytes) => new Intl.NumberFormat(document.documentElement.lang || "en", { style: "unit", unitDisplay: "narrow", unit: bytes < 1e6 ? "kilobyte" : "megabyte", maximumFractionDigits: bytes < 1e6 ? 0 : 1 }).format(bytes / (bytes < 1e6 ? 1e3 : 1e6));

  const listFiles = (input) => {
    const box = input.form.querySelector("[data-files]");
    if (!box) return;
    box.replaceChildren(...[...input.files].map((file) => {
      const item = document.createElement("span");
      const detail = document.createElement("small");
      item.className = "file";
      item.textContent = file.name;
      detail.textContent = size(file.size);
      item.append(detail);
      return item;
    }));
  };
  const addFiles = (input, files) => {
    const all = new DataTransfer();
    for (const file of [...input.files, ...files]) all.items.add(file);
    input.files = all.files;
    listFiles(input);
  };

  const attach = (form) => {
    if (form.dataset.attached) return;
    form.dataset.attached = "1";
    const text = form.querySelector("textarea");
    const input = form.querySelector("input[type=file]");
    if (text.dataset.draft) {
      try {
        if (!text.value) text.value = localStorage.getItem(key(text)) ?? "";
      } catch {
        // Storage is off: the draft lives as long as the page.
      }
      let timer = 0;
      text.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(() => store(key(text), text.value) && say(form, text.value ? form.dataset.saved ?? "" : ""), 400);
      });
      if (form.hasAttribute("hx-post")) addEventListener("pagehide", () => text.value && store(key(text), text.value)); // the last words
      form.addEventListener("reset", () => store(key(text), ""));
      form.addEventListener("htmx:afterRequest", (event) => {
        if (!event.detail.successful || event.detail.elt !== form) return;
        form.reset();
        text.value = ""; // reset() would bring back the draft that came with the page
        store(key(text), "");
        say(form, "");
      });
      if (!form.hasAttribute("hx-post")) form.addEventListener("submit", () => store(key(text), ""));
    }
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        form.requestSubmit(form.querySelector("[type=submit], button:not([type])"));
      }
      if (event.key === "Escape") text.blur();
    });
    if (!input) return;
    input.addEventListener("change", () => listFiles(input));
    form.addEventListener("reset", () => setTimeout(() => listFiles(input)));
    text.addEventListener("paste", (event) => {
      if (event.clipboardData.files.length) {
        event.preventDefault();
        addFiles(input, event.clipboardData.files);
      }
    });
    form.addEventListener("dragover", (event) => event.preventDefault());
    form.addEventListener("drop", (event) => {
      if (event.dataTransfer.files.length) {
        event.preventDefault();
        addFiles(input, event.dataTransfer.files);
      }
    });
  };
  // Choosing reply, note or forward with a key or a click puts the caret where the writing goes on.
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-composer] input[name=kind]")) return;
    const form = event.target.form;
    (event.target.value === "forward" ? form.querySelector("[name=forward_to]") : form.querySelector("textarea"))?.focus();
  });
  const all = () => document.querySelectorAll("form[data-composer]").forEach(attach);
  all();
  document.addEventListener("htmx:afterSettle", all);
}
