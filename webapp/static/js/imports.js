// The upload of a file: refused by its size before it is sent, dropped as well as chosen, and told how far it is.
// Without this the form is sent as every other, and the server says the same.

const find = (selector, within = document) => within.querySelector(selector);
const megabytes = (bytes) => new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 }).format(bytes / 2 ** 20);
const formOf = (event) => event.target.closest?.("form[data-upload]");

/* Return what speaks against the chosen file, and show it. */
function refuse(form) {
  const file = find("[type=file]", form).files[0];
  const most = Number(form.dataset.upload);
  const tooLarge = file && file.size > most;
  return say(form, tooLarge ? `${file.name} has ${megabytes(file.size)} MB, and up to ${megabytes(most)} MB can be imported. Leave out columns, or split it.` : "");
}

function say(form, message) {
  const note = find("[data-refused]", form);
  note.hidden = !message;
  find("span", note).textContent = message;
  return message;
}

document.addEventListener("change", (event) => { const form = formOf(event); if (form) refuse(form) });

for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const form = formOf(event);
    if (!form) return;
    event.preventDefault();
    find(".drop", form).classList.toggle("is-over", kind === "dragenter" || kind === "dragover");
    if (kind !== "drop" || !event.dataTransfer.files.length) return;
    find("[type=file]", form).files = event.dataTransfer.files;
    refuse(form);
  });
}

// Before the script of all pages, which would take the form for sent.
window.addEventListener("submit", (event) => {
  const form = formOf(event);
  if (!form || !find("[type=file]", form).files.length) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (form.classList.contains("is-sending") || refuse(form)) return;
  send(form);
}, true);

function send(form) {
  const request = new XMLHttpRequest();
  const progress = find("[data-progress]", form);
  const meter = find("progress", progress);
  const told = find("p", progress);
  const over = (message) => { form.classList.remove("is-sending"); progress.hidden = true; say(form, message) };
  form.classList.add("is-sending");
  progress.hidden = false;
  told.textContent = "Uploading…";
  request.upload.onprogress = ({ loaded, total }) => {
    meter.value = (100 * loaded) / total;
    told.textContent = loaded < total ? `Uploaded ${megabytes(loaded)} of ${megabytes(total)} MB` : "Uploaded. Reading the file…";
  };
  request.onload = () => {
    if (request.status < 400) return location.assign(request.responseURL);
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const main = find("main", page);
    if (!main) return over("The server could not take the file just now. Try again.");
    find("main").replaceWith(main);
    find("[autofocus]", main)?.focus();
  };
  request.onerror = () => over("The connection broke off, so nothing was saved. Try again.");
  request.open("POST", form.action);
  request.send(new FormData(form));
}
