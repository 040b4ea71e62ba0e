// A box with data-json is checked as it is typed in; the server checks it again. The button puts JSON in order.

import { later } from "./later.js";

function place(text, message) {
  // Engines say where they stopped in different words; all of them count characters or lines.
  const at = /position (\d+)/.exec(message);
  if (!at) return message;
  const lines = text.slice(0, Number(at[1])).split("\n");
  return `line ${lines.length}, column ${lines.at(-1).length + 1}`;
}

for (const box of document.querySelectorAll("[data-json]")) {
  const area = box.querySelector("textarea");
  const form = area.form.elements.namedItem("body_form");
  const isJSON = () => (form ? form.value === "payload" : true);
  const tools = document.createElement("p");
  tools.className = "tools";
  const tidy = document.createElement("button");
  tidy.type = "button";
  tidy.textContent = "Put in order";
  const said = document.createElement("span");
  said.className = "said";
  said.id = `${area.id}-json`;
  said.setAttribute("aria-live", "polite");
  tools.append(tidy, said);
  area.after(tools);
  area.setAttribute("aria-describedby", `${area.getAttribute("aria-describedby") ?? ""} ${said.id}`.trim());

  const say = (kind, text) => {
    said.className = `said ${kind}`;
    said.textContent = text;
  };
  const check = () => {
    tools.hidden = !isJSON();
    if (!isJSON() || area.value.trim() === "") return say("", "");
    try {
      JSON.parse(area.value);
      say("fine", `JSON, ${new TextEncoder().encode(area.value).length} bytes`);
    } catch (error) {
      say("error", `Not JSON yet: ${place(area.value, error.message)}`);
    }
  };
  tidy.addEventListener("click", () => {
    try {
      // Only white space may change: numbers beyond a double's reach must stay as they are.
      area.value = indent(area.value);
    } catch {
      // The note already says what is wrong.
    }
    check();
  });
  area.addEventListener("input", later(250, check));
  area.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !isJSON() || event.ctrlKey || event.metaKey) return;
    const before = area.value.slice(0, area.selectionStart);
    const margin = /^[ \t]*/.exec(before.slice(before.lastIndexOf("\n") + 1))[0];
    event.preventDefault();
    area.setRangeText(`\n${margin}${/[{[]$/.test(before) ? "  " : ""}`, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });
  form?.addEventListener("change", check);
  check();
}

// indent puts valid JSON on lines, token by token.
function indent(text) {
  JSON.parse(text);
  const tokens = text.match(/"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s{}[\],:"]+/g);
  let out = "", depth = 0;
  tokens.forEach((token, i) => {
    const closes = token === "}" || token === "]";
    const opened = /[{[]/.test(tokens[i - 1] ?? "") && tokens[i - 1].length === 1;
    if (closes) {
      depth--;
      if (!opened) out += `\n${"  ".repeat(depth)}`;
    } else if (opened) {
      out += `\n${"  ".repeat(depth)}`;
    }
    out += token;
    if (token === "{" || token === "[") depth++;
    if (token === ",") out += `\n${"  ".repeat(depth)}`;
    if (token === ":") out += " ";
  });
  return out;
}
