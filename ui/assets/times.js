// Relative times count on while the page stands, by the server's clock; each also says the reader's local time.
// The words are those of moment.go.

const skew = Date.parse(document.documentElement.dataset.now) - Date.now();
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

const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

function tick() {
  const now = Date.now() + skew;
  for (const el of document.querySelectorAll("time[datetime]")) {
    const at = Date.parse(el.dateTime);
    if (Number.isNaN(at)) continue;
    const text = words(at, now);
    if (el.textContent !== text) el.textContent = text;
    if (!el.dataset.local) {
      el.dataset.local = "yes";
      el.title = `${el.title}\n${local.format(at)}`;
    }
  }
}

tick();
setInterval(tick, 1000);
document.addEventListener("punctual:swapped", tick);
