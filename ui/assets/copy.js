// Copy buttons, and menus that close when the reader turns to something else.

for (const el of document.querySelectorAll(".scripted")) el.hidden = false;

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element && event.target.closest("button.copy");
  if (!button) return;
  const text = button.parentElement.querySelector("pre");
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(text);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = before), 1500);
});

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
