// data-key="r": that key, pressed outside a field, clicks the element (or focuses it, when it is a field).
{
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
    const at = event.target;
    if (at.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog[open]")) return;
    const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (!target) return;
    event.preventDefault();
    if (target.matches("textarea, select, input:not([type=checkbox], [type=radio])")) target.focus();
    else if (target.matches("input")) {
      target.checked = true;
      target.dispatchEvent(new Event("change", { bubbles: true }));
    } else target.click();
  });
}
