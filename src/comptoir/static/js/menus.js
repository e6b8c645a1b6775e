// <details data-menu>: one open at a time, closed by Escape or a click elsewhere, walked with the arrow keys.
{
  const open = () => document.querySelectorAll("details[data-menu][open]");
  const items = (menu) => [...menu.querySelectorAll(".menu-panel :is(a, button, input:not([type=hidden]), select):not([disabled])")];
  const close = (menu, refocus) => {
    menu.open = false;
    if (refocus) menu.querySelector("summary").focus();
  };
  document.addEventListener("click", (event) => {
    for (const menu of open()) {
      if (!menu.contains(event.target) || event.target.closest("[data-menu-close]")) close(menu, false);
    }
  });
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (!menu.matches?.("details[data-menu]") || !menu.open) return;
    for (const other of open()) if (other !== menu && !other.contains(menu)) close(other, false);
    // Keep the panel on the screen: one that would leave it at the bottom opens upwards.
    const panel = menu.querySelector(".menu-panel");
    if (panel && getComputedStyle(panel).position === "absolute") {
      menu.classList.toggle("menu-up", menu.classList.contains("menu-up") || panel.getBoundingClientRect().bottom > innerHeight);
    }
  }, true);
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details[data-menu][open]") ?? (event.key === "Escape" ? open()[0] : null);
    if (!menu) return;
    if (event.key === "Escape") {
      event.preventDefault();
      close(menu, true);
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!step || event.target.matches("input, select, textarea")) return;
    event.preventDefault();
    const all = items(menu);
    const at = all.indexOf(document.activeElement);
    const next = Number.isFinite(step) ? (at + step + all.length) % all.length : step < 0 ? 0 : all.length - 1;
    all[at < 0 && step > 0 ? 0 : next]?.focus();
  });
}
