// What the pages do beyond HTML and htmx. Every page works without it; nothing here is needed to read or to save.

const find = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => within.querySelectorAll(selector);
const recall = (key) => { try { return localStorage.getItem(key) } catch { return null } };
const keep = (key, value) => { try { localStorage.setItem(key, value) } catch { /* private window: forgotten with the page */ } };
const on = (event, act, capture = false) => document.addEventListener(event, act, capture);

/* Theme: shown at once; the server is told, so that the next page begins with it. */

function showTheme(value) {
  const root = document.documentElement;
  if (value === "system") delete root.dataset.theme;
  else root.dataset.theme = value;
  find('meta[name="color-scheme"]').content = value === "system" ? "light dark" : value;
  for (const button of all("[data-theme-form] button")) button.setAttribute("aria-pressed", String(button.value === value));
}

on("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-theme-form]") || !event.submitter) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const before = document.documentElement.dataset.theme ?? "system";
  const body = new URLSearchParams(new FormData(form, event.submitter));
  showTheme(event.submitter.value);
  form.closest("[popover]")?.hidePopover();
  // The answer is a redirect to this very page, which there is no need to fetch.
  fetch(form.action, { method: "POST", body, redirect: "manual", keepalive: true })
    .then((answer) => { if (!answer.ok && answer.type !== "opaqueredirect") throw new Error(String(answer.status)) })
    .catch(() => { showTheme(before); toast("The theme could not be saved. Try again when you are online.") });
}, true);

/* Sending twice: the second submit of a form is dropped while the first is on its way. */

const sending = new WeakMap();
const sent = (form) => { clearTimeout(sending.get(form)); sending.delete(form); form.classList.remove("is-sending") };

on("submit", (event) => {
  const form = event.target;
  if ((event.submitter?.formMethod || form.method) !== "post") return;
  if (sending.has(form)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  form.classList.add("is-sending");
  // A download answers without leaving the page: nothing tells us that it is over.
  sending.set(form, setTimeout(() => sent(form), 10_000));
}, true);
on("htmx:finally:request", (event) => { const form = event.target.closest?.("form"); if (form) sent(form) });
addEventListener("pageshow", (event) => { if (event.persisted) for (const form of all("form.is-sending")) sent(form) });

// Where a row goes when its button is pressed, the second click of a double click would be for the row that moved up.
on("click", (event) => { if (event.detail > 1 && event.target.closest("tbody .act button")) event.preventDefault() }, true);

/* Leaving what is not saved: a form with data-unsaved is not left without a word while fields in it are changed, or while
   the server says "already" there: what it shows is saved nowhere. Its own submit, and the link that discards it, are meant. */

let discarded;

function changed(field) {
  if (!field.matches("input, textarea, select:not([multiple])") || field.matches("[data-search]")) return false;
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.type === "file") return field.files.length > 0;
  if (field.options) return field.selectedIndex !== Math.max(0, [...field.options].findIndex((option) => option.defaultSelected));
  return field.value !== field.defaultValue;
}

const unsaved = (form) => !sending.has(form) && form !== discarded && (form.dataset.unsaved === "already" || [...form.elements].some(changed));
const ask = (event) => { if ([...all("form[data-unsaved]")].some(unsaved)) event.preventDefault() };
// Only once there is something to ask about: browsers keep no page at hand for Back that listens for its end.
const heed = () => addEventListener("beforeunload", ask);
const heedAlready = () => { if (find('form[data-unsaved="already"]')) heed() };

for (const kind of ["input", "change"]) on(kind, (event) => { if (event.target.form?.matches("[data-unsaved]")) heed() });
heedAlready();
on("htmx:after:swap", heedAlready);
on("click", (event) => {
  const link = event.target.closest("[data-discard]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) discarded = link.closest("form");
});
addEventListener("pageshow", (event) => { if (event.persisted) discarded = undefined });

/* Toasts: spoken, not focused; gone after a while, unless someone is at them or Undo is on them. */

function toast(message) {
  const made = find("#toast").content.firstElementChild.cloneNode(true);
  find("p", made).textContent = message;
  find("#toasts").append(made);
}

function greet(made) {
  if (!made.length) return;
  find("#said").textContent = made.map((one) => find("p", one).textContent).join(" ");
  for (const one of made) {
    if (find("form", one)) continue;
    const wait = () => setTimeout(() => (one.matches(":hover, :focus-within") ? wait() : one.remove()), 8_000);
    wait();
  }
}

on("click", (event) => event.target.closest("[data-dismiss]")?.closest(".toast").remove());
new MutationObserver((changes) => greet(changes.flatMap(({ addedNodes }) => [...addedNodes]).filter((node) => node.matches?.(".toast"))))
  .observe(document.body, { childList: true, subtree: true });
// A moment later, so that the live region is there before it is filled.
setTimeout(() => greet([...all("#toasts .toast")]), 400);

/* Times: how long ago by this clock, the exact moment in this zone on hover. The rule is that of web/formats.py. */

const english = document.documentElement.dataset.dates;
const exact = new Intl.DateTimeFormat(english, { dateStyle: "long", timeStyle: "long" });
const midnight = (moment) => new Date(moment.getFullYear(), moment.getMonth(), moment.getDate());

function ago(when, now) {
  const past = when <= now;
  const seconds = Math.abs(now - when) / 1000;
  const days = Math.round((midnight(now) - midnight(when)) / 86_400_000);
  const told = (count, unit) => (past ? `${count} ${unit} ago` : `in ${count} ${unit}`);
  if (seconds < 45) return "just now";
  if (seconds < 3570) return told(Math.max(1, Math.round(seconds / 60)), "min");
  if (days === 0 || seconds < 21_600) return told(Math.round(seconds / 3600), "h");
  if (Math.abs(days) === 1) return past ? "Yesterday" : "Tomorrow";
  const year = when.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat(english, { day: "numeric", month: "short", year }).format(when);
}

function tellTimes(within = document) {
  const now = new Date();
  for (const time of all("time[data-ago]", within)) {
    const when = new Date(time.dateTime);
    const text = ago(when, now);
    if (time.textContent !== text) time.textContent = text;
    time.title = exact.format(when);
  }
}

tellTimes();
setInterval(tellTimes, 30_000);
on("htmx:after:swap", () => tellTimes());

/* Keys: / to the search, n for a new one, ? for the list. A person who dictates can turn them off. */

if (recall("keys") === "off" && find("#keys-on")) find("#keys-on").checked = false;
on("change", (event) => { if (event.target.id === "keys-on") keep("keys", event.target.checked ? "on" : "off") });

on("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input, textarea, select, [contenteditable]") || !find("#keys-on")?.checked) return;
  if (event.key === "?") find("#keys").togglePopover();
  else if (event.key === "/" && find("[data-search]")) { find("[data-search]").focus(); find("[data-search]").select() }
  else if (/^[a-z]$/.test(event.key) && find(`[data-key="${event.key}"]`)) find(`[data-key="${event.key}"]`).click();
  else return;
  event.preventDefault();
});

/* A slug that follows a name until somebody writes it by hand. */

const slug = (name) => name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
  .replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 48).replace(/-$/, "");

for (const field of all("[data-slug-of]")) {
  const name = document.getElementById(field.dataset.slugOf);
  let follows = field.value === slug(name.value);
  name.addEventListener("input", () => { if (follows) field.value = slug(name.value) });
  field.addEventListener("input", () => { follows = field.value === "" });
}

/* htmx: a whole page in answer to a request for a part of one is shown as a page; a failure is said. */

on("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  if (ctx.response.status >= 500 || ctx.target === document.body || !/^\s*<!doctype/i.test(ctx.text)) return;
  if (ctx.request.method === "GET" || ctx.response.raw.redirected) {
    event.preventDefault();
    location.assign(ctx.response.raw.url);
    return;
  }
  Object.assign(ctx, { target: document.body, swap: "innerHTML", push: null, replace: null });
});
on("htmx:response:error", (event) => {
  if (event.detail.ctx.response.status >= 500) toast("The server could not do that just now. Nothing on this page has changed; try again.");
});
on("htmx:error", (event) => { if (event.detail.ctx) toast("No connection to the server. Nothing on this page has changed; try again.") });
