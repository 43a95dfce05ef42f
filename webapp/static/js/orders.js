// Composing an order by keyboard, scanner and thumb. Without this file each button sends the form and the page comes
// back with the line added; with it only the lines do, and nothing else on the page is touched.

const form = document.querySelector("form[data-compose]");
if (form) compose();
for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => print());

function compose() {
  const find = (selector) => form.querySelector(selector);
  const search = find("#q");
  const finder = find(".finder");
  const found = find("#order-found");
  const options = () => [...found.querySelectorAll(".option")];
  const active = () => found.querySelector(".option.is-active");
  const quantity = (id) => document.getElementById(`quantity-${id}`);

  // htmx names the target in its header only where an attribute does.
  const ask = (source, id, swap, values) => htmx.ajax("POST", form.dataset.compose, { source, target: `#${id}`, swap, values, headers: { "HX-Target": `div#${id}` } });

  /* The lines: one request at a time, each with the form as the one before has left it. A scanner is faster than the
     network, and two requests with the same form would lose a line. */

  let queue = Promise.resolve();
  let waiting = 0;
  let later;
  const touched = new Set();

  function send(verb, query = "") {
    waiting += 1;
    form.dataset.unsaved = "already"; // what the server answers with is saved nowhere
    clearTimeout(later);
    queue = queue.then(async () => {
      touched.clear();
      Object.assign(find("#order-state").dataset, { said: "", added: "" });
      await ask(form, "order-lines", "innerMorph", { do: verb, q: query });
      waiting -= 1;
      tell();
    });
    return queue;
  }

  function tell() {
    const { said, added, items, total } = find("#order-state").dataset;
    find("#order-sum span").textContent = items;
    find("#order-sum b").textContent = total;
    if (said) find("#order-said").textContent = `${said} ${items} ${total}.`;
    if (added) document.getElementById(`line-${added}`)?.scrollIntoView({ block: "nearest" });
  }

  const soon = () => { clearTimeout(later); later = setTimeout(() => send("update"), 250) };

  // An answer to what was sent earlier must not take back what has been typed since. Only an extension is asked.
  htmx.registerExtension("typed", { htmx_before_morph_attr: (field, { attrName }) => attrName !== "value" || !touched.has(field.id) });

  function step(id, by) {
    const field = quantity(id);
    if (!/^\d{1,7}$/.test(field.value.trim())) {
      send(`${by > 0 ? "more" : "less"}:${id}`); // the server reads what people write, such as 1,000
      return;
    }
    field.value = String(Math.min(Math.max(Number(field.value) + by, 1), 1_000_000));
    touched.add(field.id);
    soon();
  }

  async function remove(id) {
    const row = document.getElementById(`line-${id}`);
    const neighbour = row.nextElementSibling ?? row.previousElementSibling;
    await send(`remove:${id}`);
    (neighbour?.isConnected ? neighbour.querySelector(".act button") : search).focus();
  }

  form.addEventListener("input", (event) => {
    if (!event.target.matches("[data-quantity]")) return;
    touched.add(event.target.id);
    soon();
  });
  form.addEventListener("focusin", (event) => { if (event.target.matches("[data-quantity]")) event.target.select() });

  /* The search: a combobox. The first product found is chosen already, so Enter adds it. */

  let asking;
  search.setAttribute("role", "combobox");
  search.setAttribute("aria-autocomplete", "list");
  search.setAttribute("aria-controls", "order-found");
  close();

  function close() {
    clearTimeout(asking);
    found.replaceChildren();
    search.setAttribute("aria-expanded", "false");
    search.removeAttribute("aria-activedescendant");
  }

  function choose(option) {
    active()?.classList.remove("is-active");
    for (const each of options()) each.setAttribute("aria-selected", String(each === option));
    option.classList.add("is-active");
    option.scrollIntoView({ block: "nearest" });
    search.setAttribute("aria-activedescendant", option.id);
  }

  async function look() {
    clearTimeout(asking);
    const asked = search.value;
    await ask(search, "order-found", "innerHTML", { do: "find" });
    if (search.value !== asked || document.activeElement !== search) return;
    found.dataset.asked = asked;
    found.querySelector(".options")?.setAttribute("role", "listbox");
    for (const option of options()) {
      option.setAttribute("role", "option");
      option.tabIndex = -1;
    }
    search.setAttribute("aria-expanded", String(options().length > 0));
    const said = options().length === 1 ? "1 product" : `${options().length} products`;
    find("#order-said").textContent = options().length ? said : found.textContent.trim();
    if (options().length) choose(options()[0]);
  }

  function add(id) {
    const typed = search.value;
    search.value = "";
    close();
    search.focus();
    send(`add:${id}`, typed);
  }

  // What is meant is not known yet, since the answer to the last letter is still on its way: the server decides.
  async function enter() {
    const typed = search.value;
    search.value = "";
    close();
    await send("enter", typed);
    if (find("#order-state").dataset.added || search.value) return;
    search.value = typed;
    look();
  }

  search.addEventListener("input", () => {
    clearTimeout(asking);
    if (search.value.trim()) asking = setTimeout(look, 120);
    else close();
  });

  search.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = options();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const at = all.indexOf(active()) + (event.key === "ArrowDown" ? 1 : -1);
      if (all.length) choose(all.at(at % all.length));
      else look();
    } else if (event.key === "Enter") {
      if (active() && found.dataset.asked === search.value) add(active().value.split(":")[1]);
      else if (search.value.trim()) enter();
    } else if (event.key === "Escape" && found.firstElementChild) close();
    else return;
    event.preventDefault();
  });

  // Typed while this file was still on its way.
  if (search.value.trim() && document.activeElement === search) look();

  // A touch must not take the focus, and with it the keyboard of a phone, away from the search.
  found.addEventListener("pointerdown", (event) => { if (event.target.closest(".option")) event.preventDefault() });
  finder.addEventListener("focusout", (event) => { if (!finder.contains(event.relatedTarget)) close() });

  /* The customer: names of earlier orders are offered, and where the latest of them went. */

  const customer = find("#customer");
  const place = find("#deliver_to");
  let filled = "";
  let wondering;

  customer.addEventListener("input", () => {
    clearTimeout(wondering);
    const known = [...find("#customers").options].find((option) => option.value === customer.value);
    if (!known) {
      if (customer.value.trim()) wondering = setTimeout(() => ask(customer, "order-customers", "innerHTML", { do: "customer" }), 200);
    } else if (place.value === filled) {
      filled = known.dataset.deliverTo;
      place.value = filled;
    }
  });

  /* Keys of the whole form. */

  form.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const field = event.target.closest("[data-quantity]");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(find("[data-place]"));
    else if (field && event.key === "Enter") search.focus();
    else if (field && /^Arrow(Up|Down)$/.test(event.key)) step(field.id.slice("quantity-".length), (event.key === "ArrowUp" ? 1 : -1) * (event.shiftKey ? 10 : 1));
    else return;
    event.preventDefault();
  });

  // On the window, so that it comes before the guard against sending a form twice.
  addEventListener("submit", (event) => {
    if (event.target !== form) return;
    const [verb, id] = event.submitter?.name === "do" ? event.submitter.value.split(":") : [];
    if (!verb && !waiting) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    // A line that is on its way belongs to the order that is being placed.
    if (!verb) queue.then(() => form.requestSubmit(event.submitter));
    else if (verb === "add") add(id);
    else if (verb === "remove") remove(id);
    else if (verb === "more" || verb === "less") step(id, verb === "more" ? 1 : -1);
    else if (verb === "find") look();
    else if (verb === "update") send(verb);
  }, true);
}
