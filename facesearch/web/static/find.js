// Finding: the word that is being typed is completed, and addresses have only what was asked for.
import { $ } from "./dom.js";

/** What stands before the word that is being typed, its sign, and the word. */
function lastWord(text) {
  const found = text.match(/^(.*[\s,;]|)(-?)"([^"]*)$/s) ?? text.match(/^(.*[\s,;]|)(-?)([^\s,;"]*)$/s);
  return found ? found.slice(1) : [text, "", ""];
}

let asked = 0;

/** Offer some texts for a field, unless something else has been typed meanwhile. */
async function offer(list, address, texts) {
  const mine = ++asked;
  const found = address ? await fetch(address).then((answer) => answer.json(), () => []) : [];
  if (mine === asked) $(list).replaceChildren(...found.map((one) => Object.assign(document.createElement("option"), texts(one))));
}

document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.matches?.("[data-find]")) {
    const [before, sign, word] = lastWord(field.value);
    const text = (one) => (/\s/.test(one.value) ? `"${one.value}"` : one.value);
    const address = word.trim() ? `/names?text=${encodeURIComponent(word.trim())}` : "";
    offer("#found", address, (one) => ({ value: before + sign + text(one), label: `${one.title}, ${one.size} faces` }));
  } else if (field.matches?.("[data-folders]")) {
    const address = field.value.trim() ? `/photos/folders?text=${encodeURIComponent(field.value.trim())}` : "";
    offer("#folders", address, (path) => ({ value: path }));
  }
});

document.addEventListener("formdata", (event) => {
  if (!event.target.matches("#find")) return;
  for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
});
