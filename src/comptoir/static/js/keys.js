// data-key="r": that key, pressed outside a field, clicks the element (or focuses it, when it is a field). data-key="g q":
// two keys, one after the other. Where <body data-shortcuts="off"> stands, single keys do nothing (WCAG 2.1.4).
// Ctrl/Cmd-K and [data-palette-open] open the palette, data-key="?" the sheet of keys: both are loaded when first asked for.
{
  const SECOND = 1200; // ms to press the second of two keys
  const FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
  let first = "";
  let timer = 0;
  // The page's own before the navigation's: "/" is the field that stands here, or else the way to the search. Of several
  // toasts the last, which tells of what was done last.
  const find = (keys) => {
    const wanted = `[data-key="${CSS.escape(keys)}"]`;
    const own = document.querySelector(`main ${wanted}`);
    return own ?? [...document.querySelectorAll(`.toasts ${wanted}`)].at(-1) ?? document.querySelector(wanted);
  };
  const act = (target) => {
    if (target.matches("textarea, select, input:not([type=checkbox], [type=radio])")) {
      target.focus();
      target.select?.();
    } else if (target.matches("input")) {
      target.checked = true;
      target.dispatchEvent(new Event("change", { bubbles: true }));
    } else {
      if (target.matches("summary")) target.focus(); // the arrow keys go on from there
      target.click();
    }
  };
  const wait = (key) => {
    first = key;
    clearTimeout(timer);
    timer = setTimeout(() => (first = ""), SECOND);
  };
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k" && document.body.dataset.palette) {
      event.preventDefault();
      open("palette");
      return;
    }
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
    if (document.body.dataset.shortcuts === "off" || event.target.closest?.(`${FIELDS}, dialog[open]`)) return;
    const pair = first && find(`${first} ${event.key}`);
    const target = pair || find(event.key);
    if (!target && !first && document.querySelector(`[data-key^="${CSS.escape(event.key)} "]`)) {
      event.preventDefault();
      wait(event.key);
      return;
    }
    first = "";
    if (!target) return;
    event.preventDefault();
    act(target);
  });
  const open = async (what) => {
    const module = what === "palette" ? await import("./apart/palette.js") : await import("./apart/sheet.js");
    await module.open();
  };
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-palette-open], [data-sheet-open]");
    if (!opener || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open("paletteOpen" in opener.dataset ? "palette" : "sheet").catch(() => location.assign(opener.href));
  });
}
