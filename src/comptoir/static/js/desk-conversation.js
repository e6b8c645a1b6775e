// The conversation: it opens at its end, shows remote images on request in their frame, and says when a request failed.
{
  const timeline = document.getElementById("timeline");
  if (timeline && !location.hash) {
    const last = timeline.querySelector(":scope > .msg:last-of-type") ?? timeline.lastElementChild;
    const messages = timeline.querySelectorAll(":scope > .msg");
    if (messages.length > 1) (messages[messages.length - 1] ?? last)?.scrollIntoView({ block: "center" });
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-images]");
    if (!link) return;
    event.preventDefault();
    const box = link.closest("details, section");
    box.querySelector("iframe").src = link.dataset.images;
    link.closest(".strip").remove();
  });
  // A request that fails leaves everything as it is, and says so.
  const say = (event) => {
    const words = document.body.dataset.failed;
    const toasts = document.getElementById("toasts");
    if (!words || !toasts || event.detail?.xhr?.status === 422 || event.detail?.xhr?.status === 409) return;
    const toast = document.createElement("div");
    toast.className = "toast";
    toast.dataset.toast = "";
    toast.dataset.tone = "bad";
    toast.append(Object.assign(document.createElement("p"), { textContent: words }));
    toasts.append(toast);
    document.dispatchEvent(new CustomEvent("htmx:afterSettle", { detail: {} }));
  };
  document.addEventListener("htmx:responseError", say);
  document.addEventListener("htmx:sendError", say);
}
