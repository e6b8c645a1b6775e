{% load static %}// Keeps static files (their names change with their content) and the page for when there is no connection. Nothing else: no
// page, no message and no file of a customer is ever kept on this device by it.
const STATIC = "{% get_static_prefix %}";
const OFFLINE = "{{ offline|escapejs }}";
const NEEDED = [OFFLINE, "{% static 'css/app.css' %}", "{% static 'fonts/hanken-grotesk.woff2' %}", "{% static 'fonts/bricolage-grotesque.woff2' %}", "{% static 'icons/sprite.svg' %}", "{% static 'icons/favicon.svg' %}"];
const CACHE = `comptoir:${NEEDED.join()}{% static 'js/desk.js' %}`;
const HASHED = /\.[0-9a-f]{12}\.\w+$/;

addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(NEEDED.map((url) => new Request(url, { credentials: "omit" })))).then(() => skipWaiting()));
});
addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith("comptoir:") && name !== CACHE) await caches.delete(name);
  })());
});
const kept = async (request) => {
  const cache = await caches.open(CACHE);
  const found = await cache.match(request);
  if (found) return found;
  const response = await fetch(request);
  if (response.ok) await cache.put(request, response.clone());
  return response;
};
const page = async (request) => {
  try {
    return await fetch(request);
  } catch {
    return (await caches.match(OFFLINE)) ?? Response.error();
  }
};
addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname.startsWith(STATIC) && (HASHED.test(url.pathname) || NEEDED.includes(url.pathname))) event.respondWith(kept(request));
  else if (request.mode === "navigate" && url.pathname.indexOf("/attachments/") !== 0) event.respondWith(page(request));
});
