// One photo: the boxes on it, and the faces beside it.
import { $, $$, say } from "./dom.js";

/** Names of one size on every screen, however closely the photo is looked at. */
function sizes() {
  for (const drawing of $$("[data-boxes]")) {
    const scale = drawing.viewBox.baseVal.width / (drawing.clientWidth || 1);
    for (const text of $$("text", drawing)) text.style.fontSize = `${15 * scale}px`;
  }
}
for (const event of ["resize", "load"]) addEventListener(event, sizes);
for (const event of ["page:changed", "photo:sized"]) document.addEventListener(event, sizes);
sizes();

/** The face that is open beside the photo has its box marked. */
function mark() {
  for (const box of $$("[data-boxes] a")) {
    const details = $(`${box.getAttribute("href")} details`);
    if (details) box.classList.toggle("chosen", details.open);
  }
}
document.addEventListener("toggle", mark, true);
document.addEventListener("page:changed", mark);

function open(place) {
  $$(".who-list details").forEach((other) => { other.open = place.contains(other); });
  $("input[name=to]", place)?.focus();
}

/** A box that is clicked opens the face beside it. */
function openFace() {
  const place = location.hash.startsWith("#face-") && document.getElementById(location.hash.slice(1));
  if (place) open(place);
}
addEventListener("hashchange", openFace);
openFace();
document.addEventListener("click", (event) => {
  const box = event.target.closest?.("[data-boxes] a");
  if (!box || event.defaultPrevented) return;
  const place = document.getElementById(box.href.baseVal.slice(1));
  if (!$(".who-list")?.contains(place)) return;
  event.preventDefault(); // Back leads to where the photo was opened, not to another face of it
  open(place);
});

/** The next face without a name, behind the one that is open. */
document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-unnamed]")) return;
  const faces = $$(".who-list > li"), at = faces.findIndex((face) => $("details[open]", face));
  const following = [...faces.slice(at + 1), ...faces.slice(0, at + 1)].find((face) => $("[data-no-name]", face));
  if (following) open(following);
});

// -- boxes are shown or not, on every photo until it is said otherwise

const HIDDEN = "facesearch boxes hidden";

function boxes() {
  const hidden = sessionStorage.getItem(HIDDEN) === "1";
  $("[data-stage]")?.classList.toggle("bare", hidden);
  $("[data-show-boxes]")?.setAttribute("aria-pressed", String(!hidden));
}
document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-show-boxes]")) return;
  sessionStorage.setItem(HIDDEN, sessionStorage.getItem(HIDDEN) === "1" ? "0" : "1");
  boxes();
  say($("[data-stage]").classList.contains("bare") ? "Boxes are hidden" : "Boxes are shown");
});
document.addEventListener("page:changed", boxes);
boxes();

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
