// The service worker: static files from this device, and an honest page where there is no connection.
{
  if ("serviceWorker" in navigator && document.body.dataset.worker) {
    addEventListener("load", () => navigator.serviceWorker.register(document.body.dataset.worker, { scope: "/" }).catch(() => {}));
  }
}
