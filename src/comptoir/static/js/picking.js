// Picking rows of the queue: how many ([data-picked]), all that are shown (Shift with the first and the last), and
// data-narrow, which keeps of a list what holds the words that are typed.
{
  const boxes = () => [...document.querySelectorAll("[data-rows] input[name=pick]")];
  const tell = () => {
    const picked = boxes().filter((box) => box.checked).length;
    document.querySelector("[data-rows]")?.classList.toggle("is-picking", picked > 0);
    for (const sign of document.querySelectorAll("[data-picked]")) sign.textContent = picked || "";
  };
  let last = null;
  document.addEventListener("click", (event) => {
    const box = event.target.closest?.("[data-rows] input[name=pick]");
    if (!box) return;
    if (event.shiftKey && last?.isConnected) {
      const all = boxes();
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
      for (const one of all.slice(from, to + 1)) one.checked = box.checked;
    }
    last = box;
    tell();
  });
  document.addEventListener("keydown", (event) => {
    // Escape lets go of all; Ctrl+A is the browser's, so that Shift+X picks all that are shown.
    if (event.target.closest?.("input:not([type=checkbox]), textarea, select, details[open], dialog[open]")) return;
    const all = boxes();
    if (!all.length || !(event.key === "X" || (event.key === "Escape" && all.some((box) => box.checked)))) return;
    for (const box of all) box.checked = event.key === "X";
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
