// Helps while filling in: copy buttons, JSON checked as it is typed, next runs shown as a schedule is typed.
// Nothing here is needed: the server checks everything and draws the same preview on its own.

for (const el of document.querySelectorAll(".scripted")) el.hidden = false;

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element && event.target.closest("button.copy");
  if (!button) return;
  const text = button.parentElement.querySelector("pre").textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(button.parentElement.querySelector("pre"));
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
});

// A menu closes when something else is clicked, or with Escape.
document.addEventListener("click", (event) => {
  for (const drop of document.querySelectorAll(".drop[open]:not(.down)")) {
    if (!drop.contains(event.target)) drop.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const drop of document.querySelectorAll(".drop[open]")) {
    drop.open = false;
    drop.querySelector("summary").focus();
  }
});

function later(ms, act) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, ms);
  };
}

for (const box of document.querySelectorAll("[data-json]")) {
  const area = box.querySelector("textarea");
  const form = area.form.elements.namedItem("body_form");
  const note = document.createElement("p");
  note.className = "error";
  note.id = `${area.id}-json`;
  note.setAttribute("aria-live", "polite");
  area.after(note);
  area.setAttribute("aria-describedby", `${area.getAttribute("aria-describedby") ?? ""} ${note.id}`.trim());
  const check = () => {
    note.textContent = "";
    if (form.value !== "payload" || area.value.trim() === "") return;
    try {
      JSON.parse(area.value);
    } catch (error) {
      note.textContent = `Not JSON yet: ${error.message}`;
    }
  };
  area.addEventListener("input", later(400, check));
  form.addEventListener("change", check);
}

for (const form of document.querySelectorAll("form[data-preview]")) {
  const box = document.getElementById("preview");
  const timing = ["name", "cron", "every", "timezone", "day_match", "dst_gap", "dst_repeat", "start_at", "end_at"];
  const show = later(300, async () => {
    const values = new URLSearchParams(new FormData(form));
    if (!values.get("cron") && !values.get("every")) return;
    values.set("do", "preview");
    const answer = await fetch(form.action, { method: "POST", body: values, headers: { Accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = fresh.getElementById("preview");
    if (!next) return;
    // A wrong cron line is told here; the rest of the form is left alone while it is being filled in.
    const errors = ["cron", "every", "timezone", "start_at", "end_at"].map((name) => fresh.getElementById(`f-${name}-error`));
    box.replaceChildren(...errors.filter(Boolean), ...next.childNodes);
    for (const error of box.querySelectorAll(".error")) error.removeAttribute("id");
    document.dispatchEvent(new Event("punctual:swapped"));
  });
  form.addEventListener("input", (event) => {
    if (timing.includes(event.target.name)) show();
  });
}
