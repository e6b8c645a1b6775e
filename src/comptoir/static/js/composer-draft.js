// The draft is saved on the server 600 ms after typing stops and on leaving, so that it survives a crash and follows the person;
// a copy on this device bridges the time without a network. A page that is behind is told, and the person takes either.
{
  const PAUSE = 600;
  const NAMES = ["csrfmiddlewaretoken", "kind", "text", "cc", "forward_to", "forward_of", "road", "revision"];
  const states = new WeakMap();
  const key = (form) => `draft:${form.elements.text.dataset.draft}`;
  const read = (form) => {
    try {
      return JSON.parse(localStorage.getItem(key(form)));
    } catch {
      return null; // storage is off, or holds what an older version wrote
    }
  };
  const store = (form, value) => {
    try {
      if (value) localStorage.setItem(key(form), JSON.stringify(value));
      else localStorage.removeItem(key(form));
    } catch {
      // The draft lives on the server alone.
    }
  };
  const words = (form) => ["kind", "text", "cc", "forward_to", "road"].map((name) => form.elements[name]?.value ?? "").join("\u0000");
  const local = (form) => ({ text: form.elements.text.value, kind: form.elements.kind.value, base: form.elements.revision.value });
  const say = (form, message, tone) => {
    const state = form.querySelector("[data-draft-state]");
    state.textContent = message;
    state.dataset.tone = tone ?? "";
  };
  const show = (form, count) => {
    const place = form.querySelector("[data-count]");
    place.textContent = count?.words ?? "";
    place.dataset.tone = count?.tone ?? "";
  };
  const fill = (form, text, kind) => {
    form.elements.text.value = text;
    for (const choice of form.querySelectorAll("[name=kind]")) choice.checked = kind ? choice.value === kind : choice.checked;
  };

  const bodyOf = (form, force) => {
    const body = new FormData();
    for (const name of NAMES) if (form.elements[name]) body.set(name, form.elements[name].value);
    if (force) body.set("force", "1");
    return body;
  };
  const post = (form, body, keepalive) => fetch(form.dataset.at, { method: "POST", body, keepalive, headers: { "HX-Request": "true" } });

  const save = async (form, force = false) => {
    const state = states.get(form);
    clearTimeout(state.timer);
    if (state.saving) {
      state.again = true;
      return state.saving;
    }
    const sent = words(form);
    const work = async () => {
      try {
        const response = await post(form, bodyOf(form, force));
        if (response.status === 409) {
          const told = await response.json();
          if (state.isSending) return;
          behind(form, told);
        } else if (response.ok && !response.redirected) {
          const told = await response.json();
          if (state.isSending) return;
          form.elements.revision.value = told.revision;
          state.saved = sent;
          show(form, told.count);
          if (words(form) === sent) {
            store(form, null);
            say(form, told.revision ? form.dataset.saved : "");
          } else store(form, local(form)); // somebody types on
        } else throw new Error(response.status);
      } catch {
        store(form, local(form));
        say(form, form.dataset.local);
      }
    };
    state.saving = work();
    await state.saving;
    state.saving = null;
    if (state.again) {
      state.again = false;
      if (!state.isBehind && words(form) !== state.saved) await save(form);
    }
  };

  const behind = (form, told) => {
    const state = states.get(form);
    state.isBehind = true;
    say(form, "");
    form.querySelector("[data-behind]")?.remove();
    form.querySelector(".composer-box").insertAdjacentHTML("afterbegin", told.html);
    form.querySelector("[data-behind]").addEventListener("click", (event) => {
      const taken = event.target.closest("[data-take]")?.dataset.take;
      if (!taken) return;
      state.isBehind = false;
      form.querySelector("[data-behind]").remove();
      form.elements.revision.value = told.revision;
      if (taken === "theirs") {
        fill(form, told.text, told.kind);
        state.saved = words(form);
        store(form, null);
        say(form, "");
      } else save(form, true);
      form.elements.text.focus();
    });
  };

  const changed = (form) => {
    const state = states.get(form);
    clearTimeout(state.timer);
    store(form, local(form));
    say(form, "");
    if (!state.isBehind) state.timer = setTimeout(() => save(form), PAUSE);
  };
  // The text was sent: nothing is left to keep, and the next word begins a new draft.
  const done = (form) => {
    const state = states.get(form);
    state.isSending = false;
    const keepFiles = form.elements.kind.value === "note"; // the files wait for the answer: a note has none
    form.reset();
    form.elements.text.value = ""; // reset() would bring back the draft that came with the page
    form.elements.revision.value = "0";
    form.querySelector("[data-behind]")?.remove();
    state.isBehind = false;
    state.saved = words(form);
    store(form, null);
    say(form, "");
    show(form, null);
    form.dispatchEvent(new CustomEvent("composer:sent", { bubbles: true, detail: { keepFiles } }));
  };
  const isSending = (event) => event.detail.requestConfig?.path?.endsWith("/messages/");

  const attach = (form) => {
    if (states.has(form)) return;
    const state = { timer: 0, saving: null, again: false, saved: words(form), isBehind: false, isSending: false };
    states.set(form, state);
    const kept = read(form);
    if (kept && kept.text && kept.text !== form.elements.text.value) {
      // Written here and not confirmed by the server: it is the newest, unless the server knows newer words and says so.
      fill(form, kept.text, kept.kind);
      form.elements.revision.value = kept.base;
      save(form);
    } else store(form, null);
    form.addEventListener("input", (event) => event.target.type !== "file" && changed(form));
    form.addEventListener("composer:changed", () => changed(form));
    form.addEventListener("change", (event) => event.target.name === "kind" && form.elements.text.value && changed(form));
    // A save that is under way ends before anything is sent, or it would begin the draft again. The button is pressed anew then:
    // it says where the form goes, and its menu may have closed.
    form.addEventListener("submit", (event) => {
      clearTimeout(state.timer);
      if (!state.saving) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const button = event.submitter;
      state.saving.finally(() => (button ? button.click() : form.requestSubmit()));
    }, true);
    form.addEventListener("htmx:beforeRequest", (event) => {
      state.isSending = event.target === form && isSending(event);
    });
    form.addEventListener("htmx:afterRequest", (event) => {
      if (event.detail.elt !== form) return;
      state.isSending = false;
      if (!isSending(event)) return;
      if (event.detail.successful) done(form);
      else changed(form);
    });
    if (!form.hasAttribute("hx-post")) form.addEventListener("submit", () => store(form, null));
    addEventListener("pagehide", () => {
      if (state.isBehind || state.isSending || words(form) === state.saved) return;
      store(form, local(form)); // the last words, should the request not arrive
      post(form, bodyOf(form), true).catch(() => {});
    });
    addEventListener("online", () => words(form) !== state.saved && save(form));
  };
  // A macro put a text into the draft on the server.
  const fetched = () => {
    const told = document.querySelector("#draft-in[data-text]");
    const form = told?.closest("[data-composer]");
    if (!form) return;
    fill(form, told.dataset.text, "reply");
    form.elements.revision.value = told.dataset.revision;
    states.get(form).saved = words(form);
    store(form, null);
    delete told.dataset.text;
    form.elements.text.focus();
  };
  const all = () => {
    document.querySelectorAll("form[data-composer]").forEach(attach);
    fetched();
  };
  all();
  document.addEventListener("htmx:afterSettle", all);
}
