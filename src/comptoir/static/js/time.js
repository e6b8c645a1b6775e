// Times in the person's own language: <time datetime data-relative> ("3 hours ago"), <time datetime data-wait> ("2 h 14"), and
// <time datetime data-left> (the same, until it is over).
// The server's text stands until this runs; both are brought up to date every half minute and after each swap.
{
  const language = document.documentElement.lang || "en";
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" });
  const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
  const day = language.startsWith("fr") ? "j" : "d";

  const ago = (seconds) => {
    for (const [unit, size] of UNITS) {
      if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
    }
    return relative.format(0, "second"); // "now", where "this minute" would be odd
  };
  // The same form as the server's: 12 min · 2 h 14 · 26 h · 2 d 4 h.
  const wait = (minutes) => {
    if (minutes < 60) return `${Math.max(0, minutes)}\u00a0min`;
    const hours = Math.floor(minutes / 60);
    if (hours < 10) return `${hours}\u00a0h\u00a0${String(minutes % 60).padStart(2, "0")}`;
    if (hours < 48) return `${hours}\u00a0h`;
    const rest = hours % 24;
    return `${Math.floor(hours / 24)}\u00a0${day}${rest ? `\u00a0${rest}\u00a0h` : ""}`;
  };
  const level = (minutes) => (minutes < 60 ? 0 : minutes < 240 ? 1 : minutes < 1440 ? 2 : 3);

  const refresh = () => {
    const now = Date.now();
    for (const time of document.querySelectorAll("time[data-relative], time[data-wait], time[data-left]")) {
      const at = Date.parse(time.dateTime);
      if (Number.isNaN(at)) continue;
      const minutes = Math.floor((now - at) / 60000);
      const left = Math.ceil((at - now) / 60000);
      const text = "wait" in time.dataset ? wait(minutes) : "left" in time.dataset ? wait(left) : ago((at - now) / 1000);
      if (time.textContent !== text) time.textContent = text;
      if ("wait" in time.dataset && "level" in time.dataset) time.dataset.level = level(minutes);
      if (!time.title) time.title = full.format(at);
    }
  };
  refresh();
  setInterval(refresh, 30000);
  document.addEventListener("htmx:afterSettle", refresh);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
}
