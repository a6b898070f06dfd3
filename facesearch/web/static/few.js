// How many people would be hidden is said while the number is typed.
import { $ } from "./dom.js";
import { become, pageOf } from "./page.js";

let asked = 0;

async function say(field) {
  if (!field.checkValidity()) return;
  const mine = ++asked, address = `/few?photos=${encodeURIComponent(field.value)}`;
  const next = await pageOf(address).catch(() => null);
  if (!next || mine !== asked || !$("#few", next)) return;
  history.replaceState(history.state, "", address);
  become(next);
}

document.addEventListener("input", (event) => { if (event.target.matches?.("[data-few]")) say(event.target); });
const field = $("[data-few]");
if (field && field.value !== field.defaultValue) say(field); // typed before this was loaded
