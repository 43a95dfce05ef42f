// Choosing rows of a list: how many are ticked, all of the page at once, and a run of them with the shift key. Without
// this file each box can be ticked by itself, and the bar with what can be done is there all the same.

const boxes = () => [...document.querySelectorAll('.pick input[name="product"]')];
const bar = () => document.getElementById("bulk");
let last;

function tell() {
  const ticked = boxes().filter((box) => box.checked).length;
  const every = document.querySelector("[data-pick-all]");
  if (every) {
    every.checked = ticked > 0 && ticked === boxes().length;
    every.indeterminate = ticked > 0 && !every.checked;
  }
  const said = bar()?.querySelector("[data-picked]");
  const text = bar()?.elements.all?.checked ? "All selected" : `${ticked} selected`;
  if (said && said.textContent !== text) said.textContent = text;
}

document.addEventListener("click", (event) => {
  const box = event.target.closest?.('.pick input[name="product"]');
  if (!box) return;
  if (event.shiftKey && last?.isConnected) {
    const list = boxes();
    const [from, to] = [list.indexOf(last), list.indexOf(box)].sort((one, other) => one - other);
    for (const between of list.slice(from, to + 1)) between.checked = box.checked;
  }
  last = box;
  tell();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-pick-all]")) for (const box of boxes()) box.checked = event.target.checked;
  if (event.target.matches("[data-pick-all], #bulk [name=all], .pick input")) tell();
});
document.addEventListener("reset", (event) => { if (event.target === bar()) setTimeout(tell) });
document.addEventListener("htmx:after:request", ({ target, detail }) => {
  if (target === bar() && detail.ctx.response.status < 400) bar().reset(); // it is done with them
});
document.addEventListener("htmx:after:swap", tell);
addEventListener("pageshow", tell);
