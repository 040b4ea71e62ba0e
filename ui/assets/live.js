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
  const whole = fresh.querySelector("main");
  if (regions(whole) !== regions(main) && !main.querySelector("input, textarea, select") && document.getSelection().isCollapsed) {
    main.replaceChildren(...whole.childNodes); // an empty page has become a full one, or the other way round
    main.querySelectorAll(".scripted").forEach((el) => (el.hidden = false));
  } else for (const old of main.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(old.id);
    if (next && next.innerHTML !== old.dataset.was) swap(old, next);
  }
  frame(fresh);
  document.dispatchEvent(new Event("punctual:swapped"));
}

// regions are the names of the regions of a page.
const regions = (page) => [...page.querySelectorAll("[data-live]")].map((el) => el.id).join(" ");

// frame takes over what is outside of the regions: title, icon and alarm tell of trouble on a tab nobody looks at.
function frame(fresh) {
  document.title = fresh.title;
  const icon = document.getElementById("favicon"), next = fresh.getElementById("favicon");
  if (icon && next && icon.href !== next.href) icon.href = next.href;
  const alarm = document.getElementById("alarm"), now = fresh.getElementById("alarm");
  if (alarm && now && alarm.textContent !== now.textContent) alarm.replaceChildren(...now.childNodes);
}

// swap replaces a region unless the reader is in the middle of something there. What was folded out stays so, what was
// selected stays selected, and rows that were not there before are marked.
function swap(old, next) {
  if (old.contains(document.activeElement) && document.activeElement.matches("input:not([type=checkbox]), textarea, select")) return;
  if (old.querySelector(".drop[open]")) return;
  const selection = document.getSelection();
  if (!selection.isCollapsed && old.contains(selection.anchorNode)) return;
  const markup = next.innerHTML;
  for (const before of old.querySelectorAll("details[id]")) {
    const after = next.querySelector(`#${CSS.escape(before.id)}`);
    if (after) after.open = before.open;
  }
  for (const box of old.querySelectorAll("input[type=checkbox]:checked")) {
    const after = next.querySelector(`input[type=checkbox][value="${CSS.escape(box.value)}"]`);
    if (after) after.checked = true;
  }
  const known = new Set([...old.querySelectorAll("tr[data-row]")].map((row) => row.dataset.row));
  if (known.size > 0) {
    for (const row of next.querySelectorAll("tr[data-row]")) row.classList.toggle("fresh", !known.has(row.dataset.row));
  }
  next.querySelectorAll(".scripted").forEach((el) => (el.hidden = false));
  const place = placeOf(old);
  next.dataset.was = markup;
  old.replaceWith(next);
  place?.(next);
}

// placeOf remembers where the focus is: in the row of the same name if there is one, else at the same place.
function placeOf(old) {
  const focused = document.activeElement;
  if (!old.contains(focused)) return undefined;
  const stops = "a, button, summary, input, [tabindex]";
  const row = focused.closest("tr[data-row]");
  const within = row ?? old;
  const index = [...within.querySelectorAll(stops)].indexOf(focused);
  return (next) => {
    const place = row ? next.querySelector(`tr[data-row="${CSS.escape(row.dataset.row)}"]`) : next;
    (place ?? next).querySelectorAll(stops)[index]?.focus({ preventScroll: true });
  };
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
  setInterval(happened, Number(main.dataset.every ?? 15) * 1000);
}
document.addEventListener("punctual:refresh", () => refresh().catch(() => {}));
