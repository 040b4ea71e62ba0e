// Keys: / finds, g and a letter goes to a page, n makes a job, r draws anew, ? shows this list.

const dialog = document.getElementById("keys");
let prefix = false; // g was pressed

function typing(el) {
  return el instanceof HTMLElement && (el.isContentEditable || el.matches("input, textarea, select"));
}

const keys = {
  "/": () => document.getElementById("find").focus(),
  "?": () => dialog.showModal(),
  n: () => location.assign("/jobs/new"),
  r: () => document.dispatchEvent(new Event("punctual:refresh")),
};

if (dialog) document.addEventListener("keydown", (event) => {
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
