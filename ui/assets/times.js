// Relative times count on while the page stands, by the server's clock; each also says the reader's local time.
// The words are those of moment.go. Times of day, which the server writes in UTC, are shown by the reader's own clock
// unless the page's switch says UTC.

const root = document.documentElement;
const skew = Date.parse(root.dataset.now) - Date.now();
const minute = 60, hour = 3600, day = 86400;

function coarse(seconds) {
  const minutes = Math.floor(seconds / minute), hours = Math.floor(seconds / hour);
  if (seconds < 1) return "";
  if (seconds < minute) return `${Math.floor(seconds)} s`;
  if (minutes < 60) return `${minutes} min`;
  if (hours < 10 && minutes % 60 > 0) return `${hours} h ${minutes % 60} min`;
  if (hours < 48) return `${hours} h`;
  return `${Math.floor(seconds / day)} d`;
}

function words(at, now) {
  const seconds = (at - now) / 1000;
  if (Math.abs(seconds) >= 60 * day) return new Date(at).toISOString().slice(0, 10);
  const text = coarse(Math.abs(seconds));
  if (text === "") return "now";
  return seconds > 0 ? `in ${text}` : `${text} ago`;
}

const two = (n) => String(n).padStart(2, "0");
const long = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const zone = new Intl.DateTimeFormat("en", { timeZoneName: "short" });

// How a time of day looks, by the local clock.
const faces = {
  minute: (t) => `${two(t.getHours())}:${two(t.getMinutes())}`,
  second: (t) => `${faces.minute(t)}:${two(t.getSeconds())}`,
  day: (t) => `${two(t.getMonth() + 1)}-${two(t.getDate())} ${faces.minute(t)}`,
  full: (t) => {
    const name = zone.formatToParts(t).find((part) => part.type === "timeZoneName").value;
    return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ${faces.second(t)} ${name}`;
  },
};

function face(el) {
  if (root.dataset.clock === "utc" || el.dataset.set) return;
  const at = new Date(el.getAttribute("datetime") ?? el.dataset.at);
  if (Number.isNaN(at.getTime())) return;
  el.dataset.set = "yes";
  const said = el.querySelector("title");
  el.textContent = faces[el.dataset.face](at);
  if (said) el.append(said);
}

function tick() {
  const now = Date.now() + skew;
  for (const el of document.querySelectorAll("time[datetime]:not([data-face])")) {
    const at = Date.parse(el.dateTime);
    if (Number.isNaN(at)) continue;
    const text = words(at, now);
    if (el.textContent !== text) el.textContent = text;
    if (!el.dataset.local) {
      el.dataset.local = "yes";
      el.title = `${el.title}\n${long.format(at)}`;
    }
  }
}

function all() {
  document.querySelectorAll("[data-face]").forEach(face);
  tick();
}

all();
setInterval(tick, 1000);
document.addEventListener("punctual:swapped", all);
