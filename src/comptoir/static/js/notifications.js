// Notifications: the count at the bell, a toast for what arrives while a page is open, and the system's own where it is allowed.
{
  const KEY = "notifications";
  const stored = (value) => {
    try {
      if (value) sessionStorage.setItem(KEY, JSON.stringify(value));
      return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    } catch {
      return null;
    }
  };
  const count = (number) => {
    for (const mark of document.querySelectorAll("[data-unread]")) mark.textContent = number ? (number > 99 ? "99+" : number) : "";
  };
  const known = stored();
  count(known?.unread); // at once, as on the page before; the stream corrects it
  let latest = known?.latest ?? null;

  const show = async (after) => {
    const response = await fetch(`/me/notifications/fresh/?after=${after}`, { headers: { "HX-Request": "true", "Comptoir-Unasked": "1" } });
    if (!response.ok || response.redirected) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const toast of page.querySelectorAll(".toast")) {
      if (document.getElementById(toast.id)) continue;
      if (document.hidden && "browser" in toast.dataset) system(toast);
      document.getElementById("toasts")?.append(document.adoptNode(toast));
    }
    document.dispatchEvent(new CustomEvent("htmx:afterSettle", { detail: {} }));
  };
  const system = (toast) => {
    if (globalThis.Notification?.permission !== "granted") return;
    try {
      // The same tag in every tab: the system shows it once.
      const notice = new Notification(toast.dataset.title, { body: toast.dataset.body, tag: toast.id, lang: document.documentElement.lang });
      notice.addEventListener("click", () => {
        focus();
        location.assign(toast.querySelector("a").href);
      });
    } catch {
      // Some phones only know notifications of a service worker; the page has the toast.
    }
  };
  document.addEventListener("live:notifications", (event) => {
    const { unread, latest: newest } = event.detail;
    count(unread);
    const before = latest;
    latest = Math.max(latest ?? 0, newest);
    stored({ unread, latest });
    if (before !== null && newest > before) show(before);
  });

  // The preferences page asks for permission, and only on a click.
  const place = document.querySelector("[data-browser-permission]");
  const draw = () => {
    for (const part of place.querySelectorAll("[data-permission]")) part.hidden = part.dataset.permission !== globalThis.Notification?.permission;
  };
  if (place) {
    draw();
    place.querySelector("[data-permission-ask]").addEventListener("click", async () => {
      await Notification.requestPermission();
      draw();
    });
  }
}
