// Names are completed while they are typed.
import { $ } from "./dom.js";

let asked = 0;
document.addEventListener("input", async (event) => {
  const field = event.target;
  if (!field.matches?.("[data-names]")) return;
  const mine = ++asked;
  const text = field.value.trim();
  const found = text ? await fetch(`/names?text=${encodeURIComponent(text)}`).then((answer) => answer.json(), () => []) : [];
  if (mine !== asked) return;
  $("#names").replaceChildren(...found.map((one) => {
    const option = document.createElement("option");
    option.value = one.value;
    option.label = one.value === one.title ? `${one.size} faces` : `${one.title}, ${one.size} faces`;
    return option;
  }));
});
