// Toasts leave by themselves: after data-toast seconds (6 by default, 10 with data-undo), later while the pointer or the focus is on them.
{
  const watch = (toast) => {
    if (toast.dataset.watched) return;
    toast.dataset.watched = "1";
    let left = Number(toast.dataset.toast) || ("undo" in toast.dataset ? 10 : 6);
    const timer = setInterval(() => {
      const held = !("undo" in toast.dataset) && (toast.matches(":hover") || toast.contains(document.activeElement));
      if (!toast.isConnected) clearInterval(timer);
      else if (!held && --left <= 0) {
        clearInterval(timer);
        toast.remove();
      }
    }, 1000);
  };
  const all = () => document.querySelectorAll("[data-toast]").forEach(watch);
  all();
  document.addEventListener("htmx:afterSettle", all);
}
