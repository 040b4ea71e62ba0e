// Rows are selected by their boxes. Without this module the boxes and buttons work as well; with it the bar counts,
// one box selects the page, and the buttons wait until something is selected.

const count = () => document.querySelectorAll("main td.pick input:checked").length;

function draw() {
  const bar = document.getElementById("bulk");
  if (!bar) return;
  const boxes = document.querySelectorAll("main td.pick input");
  const n = count(), all = bar.querySelector("input[name=all]")?.checked;
  const said = bar.querySelector(".chosen");
  if (said) said.textContent = all ? said.dataset.all : n === 0 ? said.dataset.none : `${n} selected`;
  bar.toggleAttribute("data-idle", n === 0 && !all);
  for (const button of bar.querySelectorAll("button[name=do]")) button.disabled = n === 0 && !all;
  const head = document.querySelector("main th.pick input");
  if (head) {
    head.checked = n > 0 && n === boxes.length;
    head.indeterminate = n > 0 && n < boxes.length;
  }
}

document.addEventListener("change", (event) => {
  if (event.target.matches("th.pick input")) {
    for (const box of document.querySelectorAll("main td.pick input")) box.checked = event.target.checked;
  }
  if (event.target.matches(".pick input, #bulk input")) draw();
});
document.addEventListener("punctual:swapped", draw);
draw();
