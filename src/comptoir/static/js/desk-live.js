// Live updates without reload. The server says which conversations changed; the page asks again for the parts that show
// them and morphs what is on the screen: scroll, focus, picked rows, open menus and written text stay.
{
  const PAUSE = 150; // ms: a burst of events is one request; counted from the first, so that a steady flow is shown as well
  // The mark of this page among all open tabs of the person (together.js needs it as well).
  const tab = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  document.documentElement.dataset.tab = tab;
  const KEEP = { DETAILS: "open", INPUT: "checked" };
  if (globalThis.Idiomorph) {
    // What was loaded into an open menu stays, as htmx itself keeps it.
    Idiomorph.defaults.callbacks.beforeNodeMorphed = (node) => !node.hasAttribute?.("hx-preserve");
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => KEEP[node.tagName] !== name;
  }
  const sign = document.querySelector("[data-live]");
  const queue = () => document.querySelector("[data-live-queue]");
  const open = () => document.querySelector("[data-live-conversation]");
  const morph = (old, fresh) => old && fresh && Idiomorph.morph(old, fresh, { morphStyle: "outerHTML", ignoreActiveValue: true });

  // What came by itself is said once, politely, to those who do not see it.
  const say = (words) => {
    const said = document.getElementById("said");
    if (!said || !words) return;
    said.textContent = words;
    setTimeout(() => (said.textContent = ""), 3000);
  };
  const rowIds = () => new Set([...document.querySelectorAll(".q-row")].map((row) => row.id));

  const get = async (url) => {
    const response = await fetch(url, { headers: { "HX-Request": "true", "Comptoir-Unasked": "1" }, credentials: "same-origin" });
    if (!response.ok || response.redirected) throw new Error(response.status);
    return new DOMParser().parseFromString(await response.text(), "text/html");
  };
  const refreshQueue = async () => {
    const url = new URL(location.href);
    url.searchParams.delete("after");
    // As many rows as are shown; where all are shown, room for new ones.
    url.searchParams.set("rows", document.querySelectorAll(".q-row").length + (document.getElementById("more") ? 0 : 25));
    const fresh = await get(url);
    const known = rowIds();
    for (const id of ["queue-head", "queue"]) morph(document.getElementById(id), fresh.getElementById(id));
    for (const part of fresh.querySelectorAll("[data-nav]")) {
      const old = document.getElementById(part.dataset.nav);
      if (old) old.textContent = part.textContent;
    }
    if ([...rowIds()].some((id) => !known.has(id))) say(sign?.dataset.row);
  };
  const refreshConversation = async (page) => {
    const asked = new URLSearchParams([...document.querySelectorAll("#since > input")].map(({ name, value }) => [name, value]));
    const fresh = await get(`${page.dataset.liveUrl}?${asked}`);
    const nearEnd = scrollY + innerHeight > document.documentElement.scrollHeight - 160;
    const before = document.querySelectorAll("#timeline > .msg").length;
    for (const id of ["conv-head", "timeline"]) {
      const part = fresh.getElementById(id);
      part?.removeAttribute("hx-swap-oob");
      morph(document.getElementById(id), part);
    }
    if (document.querySelectorAll("#timeline > .msg").length <= before) return;
    say(sign?.dataset.message);
    if (nearEnd) scrollTo({ top: document.documentElement.scrollHeight });
  };

  let timer = 0;
  let running = false;
  let again = false;
  const refresh = async () => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      if (queue()) await refreshQueue();
      else if (open()) await refreshConversation(open());
      globalThis.htmx?.process(document.body);
      document.dispatchEvent(new CustomEvent("htmx:afterSettle", { detail: {} }));
    } catch {
      // The next event, or the reconnection, asks again.
    } finally {
      running = false;
      if (again) {
        again = false;
        plan();
      }
    }
  };
  const plan = () => {
    timer ||= setTimeout(() => {
      timer = 0;
      refresh();
    }, PAUSE);
  };
  const concerns = (data) => {
    const ids = JSON.parse(data);
    if (ids === "many" || queue()) return true;
    return open() !== null && ids.includes(Number(open().dataset.liveConversation));
  };

  const show = (state) => {
    if (!sign || sign.dataset.live === state) return;
    sign.dataset.live = state;
    sign.querySelector("span").textContent = sign.dataset[state];
  };
  if (sign && globalThis.EventSource) {
    const HIDDEN = 20000; // ms in the background after which the person no longer counts as looking
    let lost = false;
    let source = null;
    let away = 0;
    const tell = (name) => (event) => document.dispatchEvent(new CustomEvent(`live:${name}`, { detail: JSON.parse(event.data) }));
    // The stream is the sign that somebody is here: its address says what this tab shows, and whether anybody looks at it.
    const shown = (isHere) => {
      if (queue()) return "";
      return open() ? `?conversation=${open().dataset.liveConversation}${isHere ? `&tab=${tab}` : ""}` : "?shows=other";
    };
    const connect = (isHere) => {
      source?.close();
      source = new EventSource(`/live${shown(isHere)}`);
      source.addEventListener("open", () => {
        show("online");
        if (lost) plan(); // what happened meanwhile
        lost = false;
      });
      source.addEventListener("error", () => {
        lost = true;
        show("offline");
      });
      source.addEventListener("conversations", (event) => concerns(event.data) && plan());
      source.addEventListener("here", tell("here"));
      source.addEventListener("visitors", tell("visitors"));
      source.addEventListener("notifications", tell("notifications"));
    };
    // A browser opens six connections to a server at most, and each stream holds one: with six tabs the seventh page would
    // wait for ever. So a tab in the background lets go of its stream, but for one of them, which goes on hearing of
    // notifications (a lock that the tabs share; where a browser has none, as on a page without TLS, each keeps its own).
    let giveUp = null;
    const rest = () => {
      if (!navigator.locks) return connect(false);
      source?.close();
      giveUp = new AbortController();
      const { signal } = giveUp;
      const listen = () => {
        if (signal.aborted) return null;
        connect(false);
        return new Promise((done) => signal.addEventListener("abort", done));
      };
      navigator.locks.request("comptoir:live", { signal }, listen).catch(() => {}); // it is seen again before its turn
    };
    if (document.hidden) rest();
    else connect(true);
    document.addEventListener("visibilitychange", () => {
      clearTimeout(away);
      if (document.hidden) away = setTimeout(rest, HIDDEN);
      else if (giveUp || !navigator.locks) {
        giveUp?.abort();
        giveUp = null;
        lost = true; // what happened meanwhile is asked for when the stream is open
        connect(true);
      }
    });
    addEventListener("pagehide", () => source?.close());
    addEventListener("pageshow", (event) => event.persisted && connect(true)); // from the browser's memory
  }
}
