// The conversation: it opens at its end, shows remote images on request in their frame, and says when a request failed.
{
  const timeline = document.getElementById("timeline");
  const showLast = (least) => {
    const messages = document.querySelectorAll("#timeline > .msg");
    if (messages.length > least) messages[messages.length - 1].scrollIntoView({ block: "center" });
  };
  if (timeline && !location.hash) showLast(1);
  // What was just sent or noted must be seen, not stand behind the composer.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.requestConfig?.path?.endsWith("/messages/")) showLast(0);
  });
  // The live stream may have been faster than the answer to the request: then the message stands there already.
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    for (const message of event.detail.fragment?.querySelectorAll?.(".msg[id]") ?? []) document.getElementById(message.id)?.remove();
  });
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
