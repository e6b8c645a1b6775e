// Light, dark or as the system. The server keeps the choice and renders data-theme on <html>; this shows it at once:
// <button data-theme-set="dark">, or a radio button or select named "theme".
{
  const root = document.documentElement;
  const show = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
    for (const button of document.querySelectorAll("[data-theme-set]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeSet === (root.dataset.theme ?? "auto")));
    }
  };
  root.classList.add("js");
  show(root.dataset.theme);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-set]");
    if (button) show(button.dataset.themeSet);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[name=theme]")) show(event.target.value);
  });
}
