// The queue by keyboard: j and k walk the rows, x picks one, Enter opens it (it is a link). data-rows marks the list.
{
  const typing = (target) => target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const list = document.querySelector("[data-rows]");
    if (!list || !["j", "k", "x"].includes(event.key)) return;
    const links = [...list.querySelectorAll(".q-open")];
    const row = document.activeElement.closest?.(".q-row");
    const at = row ? links.indexOf(row.querySelector(".q-open")) : -1;
    if (event.key === "x") {
      row?.querySelector("input[type=checkbox]")?.click();
      return;
    }
    const next = links[event.key === "j" ? at + 1 : Math.max(0, at - 1)];
    if (!next) return;
    next.focus();
    next.scrollIntoView({ block: "nearest" });
    event.preventDefault();
  });
}
