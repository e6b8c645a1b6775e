// The composer's keys: Ctrl/Cmd-Enter sends, Escape leaves the text, and whoever chooses a kind goes on writing. Other files
// bring the draft, the files, the pickers and the panels; they meet in the events `composer:insert` and `composer:changed`.
{
  document.addEventListener("keydown", (event) => {
    const text = event.target.closest?.("[data-composer] .composer-text");
    if (!text || event.defaultPrevented) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      text.form.requestSubmit(text.form.querySelector("[data-send]"));
    }
    if (event.key === "Escape") text.blur();
  });
  // Choosing reply, note or forward with a key or a click puts the caret where the writing goes on.
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-composer] input[name=kind]")) return;
    const form = event.target.form;
    (event.target.value === "forward" ? form.querySelector("[name=forward_to]") : form.querySelector("textarea"))?.focus();
  });
  // Where the browser does not fit a field to its text, this does.
  if (!CSS.supports("field-sizing", "content")) {
    document.addEventListener("input", (event) => {
      const text = event.target;
      if (!text.matches?.("[data-composer] .composer-text")) return;
      text.style.height = "auto";
      text.style.height = `${text.scrollHeight}px`;
    });
  }
  // Text goes in at the caret, in a way that the browser's own undo can take back.
  document.addEventListener("composer:insert", (event) => {
    const text = event.target.querySelector(".composer-text");
    text.focus();
    if (!document.execCommand("insertText", false, event.detail)) {
      text.setRangeText(event.detail, text.selectionStart, text.selectionEnd, "end");
      text.dispatchEvent(new Event("input", { bubbles: true }));
    }
    text.scrollTop = text.selectionEnd === text.value.length ? text.scrollHeight : text.scrollTop;
  });
  // A road to the contact: its key goes into the form, its words onto the button.
  document.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-road]");
    const form = choice?.closest("[data-composer]");
    if (!form) return;
    form.elements.road.value = choice.dataset.road;
    form.querySelector("[data-road-label]").textContent = choice.dataset.roadSays;
    const to = form.querySelector("[data-road-to]");
    if (to) {
      to.dataset.usual ??= to.textContent;
      to.textContent = choice.dataset.roadGoes ?? to.dataset.usual;
    }
    const menu = choice.closest("details");
    if (menu) menu.open = false;
    form.querySelector(".composer-text").focus();
    form.dispatchEvent(new CustomEvent("composer:changed", { bubbles: true }));
  });
}
