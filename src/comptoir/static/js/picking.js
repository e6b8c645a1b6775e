// Picking rows of the queue: how many ([data-picked]), and all or none of those that are shown (rows.js picks one, or a
// span); and data-narrow, which keeps of a list what holds the words that are typed.
{
  const boxes = () => [...document.querySelectorAll("[data-rows] input[name=pick]")];
  const tell = () => {
    const picked = boxes().filter((box) => box.checked).length;
    document.querySelector("[data-rows]")?.classList.toggle("is-picking", picked > 0);
    for (const sign of document.querySelectorAll("[data-picked]")) sign.textContent = picked || "";
  };
  document.addEventListener("click", (event) => event.target.closest?.("[data-rows] input[name=pick]") && tell());
  document.addEventListener("keydown", (event) => {
    // Ctrl+A is the browser's, so that Shift+A picks all that are shown. Escape lets go of them.
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input:not([type=checkbox]), textarea, select, details[open], dialog[open]")) return;
    const all = boxes();
    const picksAll = event.key === "A" && document.body.dataset.shortcuts !== "off";
    if (!all.length || !(picksAll || (event.key === "Escape" && all.some((box) => box.checked)))) return;
    for (const box of all) box.checked = picksAll;
    event.preventDefault();
    tell();
  });
  document.addEventListener("htmx:afterSettle", tell);
  document.addEventListener("input", (event) => {
    const field = event.target.closest?.("[data-narrow]");
    if (!field) return;
    const words = field.value.trim().toLowerCase();
    for (const item of field.closest("form").querySelectorAll(field.dataset.narrow)) item.hidden = !item.textContent.toLowerCase().includes(words);
  });
  tell();
}
