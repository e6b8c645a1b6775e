// '/' at the beginning of a word opens the saved replies, '@' in a note the colleagues, a button the emoji. The list is loaded when
// somebody begins to write; until it is there a key means itself. <button data-pick="address" data-pick-at="/"> names a key's list.
{
  let pick = null;
  const load = async () => {
    ({ pick } = await import("./apart/pick.js"));
    for (const form of document.querySelectorAll("[data-composer]")) form.dataset.picks = "";
  };
  const open = (form, source) => form.querySelector(".pick") || pick(form, source);
  const fromButton = (form, button, literal) => {
    const isReply = button.dataset.pickAt === "/";
    open(form, {
      label: button.getAttribute("aria-label"),
      literal,
      find: async (query, signal) => {
        const response = await fetch(`${button.dataset.pick}?q=${encodeURIComponent(query)}`, { headers: { "HX-Request": "true" }, signal });
        return response.ok && !response.redirected ? response.text() : "";
      },
      used: (option) => {
        if (!isReply || !option.dataset.use) return;
        const body = new FormData();
        body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
        fetch(`${button.dataset.pick}${option.dataset.use}/use/`, { method: "POST", body, keepalive: true, headers: { "HX-Request": "true" } });
      },
    });
  };
  document.addEventListener("focusin", (event) => pick || !event.target.closest("[data-composer]") || load());
  document.addEventListener("beforeinput", (event) => {
    const text = event.target;
    if (!text.matches?.("[data-composer] .composer-text") || event.inputType !== "insertText" || event.isComposing) return;
    if (!pick || (event.data !== "/" && event.data !== "@")) return;
    if (event.data === "@" && text.form.elements.kind.value !== "note") return; // in an answer it begins an address
    if (/\S$/.test(text.value.slice(0, text.selectionStart))) return;
    const button = text.form.querySelector(`[data-pick-at="${event.data}"]`);
    if (!button) return;
    event.preventDefault();
    fromButton(text.form, button, event.data);
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-composer] :is([data-pick], [data-emoji])");
    if (!button) return;
    event.preventDefault();
    const form = button.closest("form");
    if (!pick) await load();
    if (!("emoji" in button.dataset)) return fromButton(form, button, "");
    const { findEmoji } = await import("./apart/emoji.js");
    open(form, { label: button.dataset.label, literal: "", find: findEmoji, used: () => {}, isGrid: true });
  });
}
