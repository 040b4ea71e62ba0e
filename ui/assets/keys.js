// Keys: / searches, g and a letter goes to a page, j and k walk the rows, x selects one, n makes a job, r refreshes,
// p pauses live updates, ? shows this list.

const dialog = document.getElementById("keys");
let prefix = false; // g was pressed

function typing(el) {
  return el instanceof HTMLElement && (el.isContentEditable || el.matches("input:not([type=checkbox]), textarea, select"));
}

// walk moves the focus to the link of a row so many rows on; Enter then follows it.
function walk(by) {
  const rows = [...document.querySelectorAll("main tr[data-row]")];
  if (rows.length === 0) return;
  const at = rows.indexOf(document.activeElement?.closest?.("tr[data-row]"));
  const row = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)];
  row.querySelector("a")?.focus();
  row.scrollIntoView({ block: "nearest" });
}

const keys = {
  "/": () => (document.getElementById("search") ?? document.getElementById("find")).focus(),
  "?": () => dialog.showModal(),
  j: () => walk(1),
  k: () => walk(-1),
  x: () => document.activeElement?.closest?.("tr[data-row]")?.querySelector("input[type=checkbox]")?.click(),
  n: () => location.assign("/jobs/new"),
  r: () => document.dispatchEvent(new Event("punctual:refresh")),
  p: () => document.getElementById("live").click(),
};

if (dialog) document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && typing(event.target)) {
    event.target.blur();
    if (event.target.type === "search") event.preventDefault(); // what was typed stays
  }
  if (event.ctrlKey || event.metaKey || event.altKey || dialog.open || typing(event.target)) return;
  if (prefix) {
    prefix = false;
    const link = document.querySelector(`.pages a[data-key="${CSS.escape(event.key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
      return;
    }
  }
  if (event.key === "g") {
    prefix = true;
    setTimeout(() => (prefix = false), 1500);
  } else if (Object.hasOwn(keys, event.key)) {
    event.preventDefault();
    keys[event.key]();
  }
});

document.getElementById("keys-open")?.addEventListener("click", () => dialog.showModal());
document.querySelector(".pages [aria-current]")?.scrollIntoView({ inline: "nearest", block: "nearest" });
