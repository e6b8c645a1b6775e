// <details data-panel="address"> fetches its panel each time it opens; inside a form it sends what the form holds. Without a script
// the panel has a button that leads to a page.
{
  document.addEventListener("toggle", async (event) => {
    const menu = event.target;
    if (!menu.matches?.("details[data-panel]") || !menu.open) return;
    const panel = menu.querySelector(".menu-panel");
    const form = menu.closest("form");
    const body = new FormData(form ?? undefined);
    body.delete("files");
    try {
      const response = await fetch(menu.dataset.panel, { method: "POST", body, headers: { "HX-Request": "true" } });
      if (!response.ok || response.redirected) throw new Error(response.status);
      panel.innerHTML = await response.text(); // our own templates, escaped there
      if (menu.contains(document.activeElement)) panel.querySelector("button, a")?.focus();
    } catch {
      panel.textContent = document.body.dataset.failed;
    }
  }, true);
}
