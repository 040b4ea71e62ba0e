// A page that watches events draws itself anew: it fetches its own address and swaps the regions (elements with an id
// and data-live) that differ. So there is one way to draw a thing, and it is on the server. At most one fetch a second.

const main = document.querySelector("main");
const button = document.getElementById("live");
const pause = 1000; // ms between fetches

let wanted = false; // something happened since the last fetch began
let busy = false;
let last = 0;

export async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const old of main.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(old.id);
    if (next) swap(old, next);
  }
  document.dispatchEvent(new Event("punctual:swapped"));
}

// swap replaces a region unless the reader is in the middle of something there. What was folded out stays so.
function swap(old, next) {
  if (old.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return;
  if (old.querySelector(".drop[open]")) return;
  const selection = document.getSelection();
  if (!selection.isCollapsed && old.contains(selection.anchorNode)) return;
  for (const before of old.querySelectorAll("details[id]")) {
    const after = next.querySelector(`#${CSS.escape(before.id)}`);
    if (after) after.open = before.open;
  }
  next.querySelectorAll(".scripted").forEach((el) => (el.hidden = false));
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const place = focused ? [...old.querySelectorAll("a, button, summary, [tabindex]")].indexOf(focused) : -1;
  old.replaceWith(next);
  if (place >= 0) next.querySelectorAll("a, button, summary, [tabindex]")[place]?.focus({ preventScroll: true });
}

async function run() {
  if (busy || !wanted || paused() || document.hidden) return;
  busy = true;
  const wait = last + pause - Date.now();
  if (wait > 0) await new Promise((done) => setTimeout(done, wait));
  wanted = false;
  last = Date.now();
  try {
    await refresh();
  } catch {
    state("off"); // the stream says when the server is back
  }
  busy = false;
  run();
}

function happened() {
  wanted = true;
  run();
}

const paused = () => button.getAttribute("aria-pressed") === "false";

function state(name) {
  button.dataset.state = paused() ? "paused" : name;
  button.textContent = { on: "live", off: "offline", paused: "paused" }[button.dataset.state];
}

let stream;
function open() {
  if (document.hidden || stream?.readyState < EventSource.CLOSED) return;
  stream = new EventSource(main.dataset.watch);
  stream.onopen = () => state("on");
  stream.onerror = () => {
    state("off");
    if (stream.readyState === EventSource.CLOSED) setTimeout(open, 5000);
  };
  for (const kind of ["message", "job", "attempt", "reset"]) stream.addEventListener(kind, happened);
}

if (main.dataset.watch) {
  button.hidden = false;
  state("off");
  open();
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(paused()));
    state(stream?.readyState === EventSource.OPEN ? "on" : "off");
    happened();
  });
  // Browsers open few connections to a host: only pages that are looked at hold one.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stream?.close();
    } else {
      open();
      happened();
    }
  });
  // What falls due becomes something else without an event.
  setInterval(happened, 15000);
}
document.addEventListener("punctual:refresh", () => refresh().catch(() => {}));
