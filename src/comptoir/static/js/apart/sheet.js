// The sheet of keys, loaded when it is first opened: the table of the server, and before it what the open page can do.
import { pageActions } from "./page-actions.js";

const line = ({ name, key }) => {
  const keys = document.createElement("dt");
  for (const part of key.split(" ")) keys.append(Object.assign(document.createElement("kbd"), { textContent: part }), " ");
  return [keys, Object.assign(document.createElement("dd"), { textContent: name })];
};

export const open = async () => {
  let dialog = document.getElementById("keys");
  if (!dialog) {
    const response = await fetch(document.body.dataset.keys, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    if (!response.ok || response.redirected) throw new Error(response.status);
    document.body.insertAdjacentHTML("beforeend", await response.text());
    dialog = document.getElementById("keys");
  }
  if (dialog.open) return;
  const here = dialog.querySelector("[data-here]");
  const actions = pageActions().filter((action) => action.key);
  here.hidden = !actions.length;
  here.querySelector("dl").replaceChildren(...actions.flatMap(line));
  dialog.showModal();
};
