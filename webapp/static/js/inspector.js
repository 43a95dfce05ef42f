// The Inspector beyond htmx: which row is open, where the focus goes, copying. Every page works without it.

const find = (selector, within = document) => within.querySelector(selector);
const why = find("#why");
let opener;

function mark(row) {
  for (const open of document.querySelectorAll("#inspector-rows .is-open")) open.classList.remove("is-open");
  row?.classList.add("is-open");
}

document.addEventListener("click", (event) => {
  const reason = event.target.closest("a.reason");
  if (reason && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    opener = reason;
    mark(reason.closest("tr"));
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    navigator.clipboard.writeText(find("pre", copy.parentElement).textContent).then(
      () => say("Copied."), () => say("The browser does not let a page copy. Select the text instead."));
  }
});

const say = (text) => { find("#said").textContent = text };

// The panel speaks for itself once the focus is in it; closing it gives the focus back to the row that it was opened from.
document.addEventListener("htmx:after:swap", (event) => {
  const target = event.detail?.ctx?.target;
  if (target === why) {
    const heading = find("h2", why);
    why.scrollTop = 0;
    if (heading) heading.focus({ preventScroll: true });
    else {
      mark();
      if (opener?.isConnected) opener.focus();
    }
  } else if (target?.id === "inspector-rows" && why?.firstElementChild && !new URLSearchParams(location.search).has("row")) {
    why.replaceChildren();
  }
  if (target?.id === "inspector-rows") emptied();
  if (target?.id === "inspector-tables") here();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && why?.contains(event.target)) find("[data-close]", why)?.click();
});

// A swap leaves what was typed where it was: what is a filter by now makes room for the next one.
function emptied() {
  const field = find("#q");
  const filters = [...document.querySelectorAll("#inspector-rows input[type=hidden][name=f]")];
  if (field && filters.some((filter) => filter.value.trim() === field.value.trim())) field.value = "";
}

// The list of tables is counted once for every page: which of them this page shows is known here.
function here() {
  for (const link of document.querySelectorAll("#inspector-tables a")) {
    if (link.pathname === location.pathname) link.setAttribute("aria-current", "true");
  }
}
