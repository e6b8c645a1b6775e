// Files come in by choosing, paste and drop, and are uploaded at once into the draft, so that a crash loses nothing. Each shows
// its progress, can be taken out again, and says in words why it was refused.
{
  const sizeOf = (bytes) => new Intl.NumberFormat(document.documentElement.lang || "en", { style: "unit", unitDisplay: "narrow", unit: bytes < 1e6 ? "kilobyte" : "megabyte", maximumFractionDigits: bytes < 1e6 ? 0 : 1 }).format(bytes / (bytes < 1e6 ? 1e3 : 1e6));
  const make = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
  const token = (form) => form.elements.csrfmiddlewaretoken.value;

  const removal = (box, name) => {
    const button = make("button", "file-remove");
    button.type = "button";
    button.setAttribute("aria-label", `${box.dataset.remove} ${name}`);
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    icon.setAttribute("class", "icon icon-sm");
    icon.setAttribute("aria-hidden", "true");
    use.setAttribute("href", document.querySelector("[data-composer] use").getAttribute("href").replace(/#.*/, "#x"));
    icon.append(use);
    button.append(icon);
    return button;
  };
  const refuse = (chip, words) => {
    chip.dataset.tone = "bad";
    chip.querySelector("progress")?.remove();
    chip.querySelector("small").textContent = words;
    chip.setAttribute("role", "alert");
  };
  const upload = (form, file) => {
    const box = form.querySelector("[data-files]");
    const chip = make("span", "file");
    const bar = make("progress", "file-progress");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", file.name);
    const button = removal(box, file.name);
    chip.append(make("span", "", file.name), make("small", "", sizeOf(file.size)), bar, button);
    box.append(chip);
    const request = new XMLHttpRequest(); // fetch() does not tell how far an upload is
    request.open("POST", `${form.dataset.at}files/`);
    request.setRequestHeader("HX-Request", "true");
    request.upload.addEventListener("progress", (event) => (bar.value = event.loaded / event.total));
    request.addEventListener("load", () => {
      if (request.status === 200 && request.getResponseHeader("Content-Type")?.startsWith("application/json")) {
        const kept = JSON.parse(request.responseText).files[0];
        bar.remove();
        chip.append(Object.assign(document.createElement("input"), { type: "hidden", name: "file", value: kept.id }));
        button.dataset.file = kept.id;
      } else refuse(chip, new DOMParser().parseFromString(request.responseText, "text/html").querySelector(".toast")?.textContent.trim() || document.body.dataset.failed);
    });
    request.addEventListener("error", () => refuse(chip, document.body.dataset.failed));
    button.addEventListener("click", () => request.abort());
    const body = new FormData();
    body.set("csrfmiddlewaretoken", token(form));
    body.set("files", file);
    request.send(body);
  };
  const take = (form, files) => {
    for (const file of files) upload(form, file);
  };
  const say = (words) => {
    const toast = make("div", "toast");
    toast.dataset.toast = "";
    toast.dataset.tone = "bad";
    toast.append(make("p", "", words));
    document.getElementById("toasts").append(toast);
    document.dispatchEvent(new CustomEvent("htmx:afterSettle", { detail: {} }));
  };
  // What cannot come along is told in words; the browser would leave the page and open it.
  const offer = (event, files) => {
    const form = event.target.closest?.("[data-composer]");
    if (!form || !files?.length) return;
    event.preventDefault();
    delete form.dataset.dropping;
    if (form.elements.kind.value === "note") say(form.dataset.noteFiles);
    else if (!form.querySelector("input[type=file]")) say(form.dataset.noFiles);
    else take(form, files);
  };

  document.addEventListener("change", (event) => {
    const form = event.target.matches("[data-composer] input[type=file]") && event.target.form;
    if (!form) return;
    take(form, event.target.files);
    event.target.value = ""; // they are in the draft now; the form must not send them a second time
  });
  document.addEventListener("paste", (event) => offer(event, event.clipboardData?.files));
  document.addEventListener("drop", (event) => offer(event, event.dataTransfer?.files));
  document.addEventListener("dragover", (event) => {
    const form = event.dataTransfer?.types.includes("Files") && event.target.closest?.("[data-composer]");
    if (!form) return;
    event.preventDefault();
    form.dataset.dropping = "";
  });
  document.addEventListener("dragleave", (event) => {
    const form = event.target.closest?.("[data-composer]");
    if (form && !form.contains(event.relatedTarget)) delete form.dataset.dropping;
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".file-remove");
    const form = button?.closest("[data-composer]");
    if (!form) return;
    event.preventDefault();
    if (button.dataset.file) {
      const body = new FormData();
      body.set("csrfmiddlewaretoken", token(form));
      fetch(`${form.dataset.at}files/${button.dataset.file}/removal/`, { method: "POST", body, headers: { "HX-Request": "true" } });
    }
    button.closest(".file").remove();
    form.querySelector(".composer-text").focus();
  });
  document.addEventListener("composer:sent", (event) => {
    if (!event.detail.keepFiles) event.target.querySelector("[data-files]")?.replaceChildren();
  });
}
