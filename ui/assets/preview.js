// The next runs of a schedule are shown as its timing is typed. The server draws them; without this module a button
// of the form asks for the same.

import { later } from "./later.js";

const timing = ["name", "cron", "every", "timezone", "day_match", "dst_gap", "dst_repeat", "start_at", "end_at"];

for (const form of document.querySelectorAll("form[data-preview]")) {
  const box = document.getElementById("preview");
  let newest = 0; // answers may overtake one another: only the newest question counts
  const show = later(300, async () => {
    const values = new URLSearchParams(new FormData(form));
    if (!values.get("cron") && !values.get("every")) return;
    values.set("do", "preview");
    const mine = ++newest;
    let fresh;
    try {
      const answer = await fetch(form.action, { method: "POST", body: values, headers: { Accept: "text/html" } });
      fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      return; // nobody answers; what is shown stays
    }
    const next = fresh.getElementById("preview");
    if (!next || mine !== newest) return;
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
