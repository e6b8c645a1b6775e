// What can be done on the open page: every element that has a key or is a named command, and can be seen.
const SELECTOR = "[data-key], [data-command]";
const nameOf = (element) => {
  const label = element.matches("input") ? element.labels?.[0]?.textContent : "";
  const name = element.dataset.command || element.getAttribute("aria-label") || label || element.title || element.textContent;
  return name.replace(/\s+/g, " ").trim();
};

export const pageActions = () => {
  const names = new Set();
  return [...document.querySelectorAll(SELECTOR)].flatMap((element) => {
    if (element.closest("nav.nav, dialog") || element.disabled || !element.checkVisibility()) return [];
    const name = nameOf(element);
    if (!name || names.has(name)) return [];
    names.add(name);
    return [{ name, key: element.dataset.key ?? "", element }];
  });
};
