// A list by keyboard (data-rows): j and k walk its rows, o opens one, x picks it, Shift-X picks from the last picked one to here.
// What the list shows is remembered for this tab, so that j, k and u work in the conversation that is opened from it.
{
  const LINKS = "[data-rows] :is(.q-open, [data-row])";
  const links = () => [...document.querySelectorAll(LINKS)];
  const boxOf = (link) => link?.closest("li")?.querySelector("input[type=checkbox]");
  const off = (event) => event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.body.dataset.shortcuts === "off" || event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog[open], details[open]");
  let last = null;
  const range = (all, at, checked) => {
    const from = all.indexOf(last);
    if (from < 0) return;
    for (const link of all.slice(Math.min(from, at), Math.max(from, at) + 1)) {
      const box = boxOf(link);
      if (box && box.checked !== checked) box.click();
    }
  };
  document.addEventListener("click", (event) => {
    if (!event.target.matches("[data-rows] input[type=checkbox]") || !event.isTrusted) return;
    const all = links();
    const link = event.target.closest("li").querySelector(".q-open, [data-row]");
    if (event.shiftKey) range(all, all.indexOf(link), event.target.checked);
    last = link;
  });
  document.addEventListener("keydown", (event) => {
    if (off(event) || !["j", "k", "o", "x", "X"].includes(event.key)) return;
    const all = links();
    if (!all.length) {
      step(event);
      return;
    }
    const at = all.findIndex((link) => link.closest("li").contains(document.activeElement));
    event.preventDefault();
    if (event.key === "o") all[at]?.click();
    else if (event.key === "x" && at >= 0) {
      boxOf(all[at])?.click();
      last = all[at];
    } else if (event.key === "X" && at >= 0) {
      range(all, at, true);
      last = all[at];
    } else if (event.key === "j" || event.key === "k") {
      const next = all[event.key === "j" ? Math.min(at + 1, all.length - 1) : Math.max(0, at - 1)];
      next.focus();
      next.scrollIntoView({ block: "nearest" });
    }
  });

  const read = () => {
    try {
      return JSON.parse(sessionStorage.getItem("list")) ?? { at: "", links: [] };
    } catch {
      return { at: "", links: [] };
    }
  };
  addEventListener("pagehide", () => {
    const all = links();
    try {
      if (all.length) sessionStorage.setItem("list", JSON.stringify({ at: location.pathname + location.search, links: all.map((link) => link.getAttribute("href")) }));
    } catch {
      // Storage is off: j and k work in lists only.
    }
  });
  const isHere = (href) => new URL(href, location.href).pathname === location.pathname;
  // In a conversation: the neighbours in the list that one came from.
  const step = (event) => {
    if (!document.querySelector("[data-live-conversation]") || !["j", "k"].includes(event.key)) return;
    const { links: all } = read();
    const here = all.findIndex(isHere);
    const next = here < 0 ? undefined : all[here + (event.key === "j" ? 1 : -1)];
    if (!next) return;
    event.preventDefault();
    location.assign(next);
  };
  const back = document.querySelector(".conv-back");
  const { at, links: known } = read();
  if (back && at && known.some(isHere)) back.href = at;
}
