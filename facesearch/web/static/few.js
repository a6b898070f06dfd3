// How many people would be hidden is said while the number is typed.
import { $ } from "./dom.js";
import { become, pageOf } from "./page.js";

let asked = 0;
document.addEventListener("input", async (event) => {
  const field = event.target;
  if (!field.matches?.("[data-few]") || !field.checkValidity()) return;
  const mine = ++asked, address = `/few?photos=${encodeURIComponent(field.value)}`;
  const next = await pageOf(address).catch(() => null);
  if (!next || mine !== asked || !$("#few", next)) return;
  history.replaceState(history.state, "", address);
  become(next);
});
