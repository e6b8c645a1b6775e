// Light, dark or as the system: <button data-theme-set="dark">. The choice stays in this browser.
{
  const root = document.documentElement;
  const show = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
    for (const button of document.querySelectorAll("[data-theme-set]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeSet === (theme ?? "auto")));
    }
  };
  root.classList.add("js");
  let stored = null;
  try {
    stored = localStorage.getItem("theme");
  } catch {
    // Storage is off in this browser: the system's choice holds.
  }
  show(stored ?? root.dataset.theme ?? "auto");
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-set]");
    if (!button) return;
    show(button.dataset.themeSet);
    try {
      localStorage.setItem("theme", button.dataset.themeSet);
    } catch {
      // As above.
    }
  });
}
