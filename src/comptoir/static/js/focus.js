// After a swap nobody is left without a place: where the focused element is gone, its successor gets the focus (the same id,
// or the first of what replaced it); a menu whose choice was taken closes, and its button has the focus again.
{
  let held = null;
  document.addEventListener("htmx:beforeSwap", () => {
    const active = document.activeElement;
    held = active && active !== document.body ? { element: active, id: active.closest("[id]")?.id } : null;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (!held || document.activeElement !== document.body || document.querySelector("dialog[open]")) return;
    const known = held.element.isConnected ? held.element : document.getElementById(held.id);
    const fresh = event.detail?.elt?.querySelector?.("a[href], button:not([disabled]), input:not([type=hidden]), summary");
    const next = [known, known?.querySelector?.("summary, a[href], button"), fresh].find((element) => element?.matches?.("a[href], button, input, textarea, select, summary, [tabindex]"));
    next?.focus({ preventScroll: true });
    held = null;
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const menu = event.detail.elt?.closest?.("details[data-menu][open]");
    if (!menu || !event.detail.successful || event.detail.requestConfig?.verb === "get") return;
    menu.open = false;
    menu.querySelector("summary").focus({ preventScroll: true });
  });
}
