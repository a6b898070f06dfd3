// One photo: the boxes on it, and the faces beside it.
import { $, $$, say } from "./dom.js";

/** Names of one size on every screen. */
function sizes() {
  for (const drawing of $$("[data-boxes]")) {
    const scale = drawing.viewBox.baseVal.width / (drawing.clientWidth || 1);
    for (const text of $$("text", drawing)) text.style.fontSize = `${15 * scale}px`;
  }
}
for (const event of ["resize", "load"]) addEventListener(event, sizes);
document.addEventListener("page:changed", sizes);
sizes();

/** A box that is clicked opens the face beside it. */
function openFace() {
  const place = location.hash.startsWith("#face-") && document.getElementById(location.hash.slice(1));
  if (!place) return;
  $$(".who-list details").forEach((other) => { other.open = place.contains(other); });
  $("input[name=to]", place)?.focus();
}
addEventListener("hashchange", openFace);
openFace();
document.addEventListener("click", (event) => {
  const box = event.target.closest?.("[data-boxes] a");
  if (box && box.href.baseVal === location.hash) openFace();
});

/** Paths are copied, where the browser lets pages do so. */
const copies = () => $$("[data-copy]").forEach((button) => { button.hidden = !navigator.clipboard; });
document.addEventListener("page:changed", copies);
copies();
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
  say("The path is copied");
});
