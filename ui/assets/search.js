// The search bar suggests qualifiers, and values for the one that is being typed. What it knows stands in the page:
// the list of qualifiers in the help below the bar, names of targets in a data list.

const input = document.getElementById("search");
const box = document.getElementById("suggestions");

// known are the suggestions for what stands before the cursor: {text, why}.
function known(word) {
  const [name, value] = word.includes(":") ? [word.slice(0, word.indexOf(":")), word.slice(word.indexOf(":") + 1)] : [null, word];
  if (name === null) {
    const all = [...document.querySelectorAll("[data-qualifier]")];
    return all
      .map((el) => ({ text: el.dataset.qualifier, why: el.dataset.why, open: true }))
      .filter((s) => s.text.startsWith(value) && s.text !== value);
  }
  const list = document.getElementById(`values-${name}`);
  if (!list) return [];
  return [...list.querySelectorAll("option")]
    .filter((o) => o.value.startsWith(value) && o.value !== value)
    .slice(0, 12)
    .map((o) => ({ text: `${name}:${o.value}`, why: o.label === o.value ? "" : o.label }));
}

let shown = [];
let at = -1;

function word() {
  const start = input.value.lastIndexOf(" ", input.selectionStart - 1) + 1;
  return { start, text: input.value.slice(start, input.selectionStart) };
}

function show() {
  shown = known(word().text);
  at = -1;
  box.replaceChildren(
    ...shown.map((s, i) => {
      const li = document.createElement("li");
      li.id = `suggestion-${i}`;
      li.role = "option";
      const code = document.createElement("code");
      code.textContent = s.text;
      const why = document.createElement("span");
      why.className = "why";
      why.textContent = s.why;
      li.append(code, why);
      li.addEventListener("pointerdown", (event) => {
        event.preventDefault(); // the focus stays
        take(i);
      });
      return li;
    }),
  );
  open(shown.length > 0);
}

function open(yes) {
  box.hidden = !yes;
  input.setAttribute("aria-expanded", String(yes));
  if (!yes) input.removeAttribute("aria-activedescendant");
}

function mark(i) {
  at = (i + shown.length) % shown.length;
  [...box.children].forEach((li, n) => li.setAttribute("aria-selected", String(n === at)));
  input.setAttribute("aria-activedescendant", `suggestion-${at}`);
  box.children[at].scrollIntoView({ block: "nearest" });
}

function take(i) {
  const { start } = word();
  const s = shown[i];
  input.setRangeText(s.text + (s.open ? "" : " "), start, input.selectionStart, "end");
  show();
}

if (input && box) {
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", box.id);
  open(false);
  input.addEventListener("input", show);
  input.addEventListener("focus", show);
  input.addEventListener("blur", () => open(false));
  input.addEventListener("keydown", (event) => {
    if (box.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      mark(event.key === "ArrowDown" ? at + 1 : at < 0 ? -1 : at - 1);
    } else if ((event.key === "Enter" || event.key === "Tab") && at >= 0) {
      event.preventDefault();
      take(at);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      event.preventDefault(); // which would empty a search field
      open(false);
    }
  });
}
