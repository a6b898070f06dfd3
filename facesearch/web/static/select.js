// Selecting many: by click, with Shift all between; by arrow keys, with Shift all on the way; Ctrl A all that are shown.
import { $, $$ } from "./dom.js";

const TEXT = "input:not(.pick):not([type=checkbox]):not([type=radio]), textarea, select";
const picks = () => $$(".pick");
const of = (element) => element?.closest?.("li")?.querySelector(".pick") ?? null;
const named = (box) => box && `${box.name}=${box.value}`;

// Where a range begins, and what it has selected: by name, as the page may have other elements meanwhile.
let anchor = null, ranged = new Set();

function begin(box) {
  [anchor, ranged] = [named(box), new Set()];
  count();
}

/** All between the anchor and a box; what the range held before and does not now is selected no more. */
function range(to, checked = true) {
  const all = picks(), start = Math.max(all.findIndex((box) => named(box) === anchor), 0);
  const [first, last] = [start, all.indexOf(to)].sort((a, b) => a - b);
  const now = new Set(all.slice(first, last + 1).map(named));
  for (const box of all) {
    if (now.has(named(box))) box.checked = checked;
    else if (checked && ranged.has(named(box))) box.checked = false;
  }
  if (anchor === null) anchor = named(all[start]);
  ranged = checked ? now : new Set();
  count();
}

function count() {
  const text = $("[data-chosen]");
  if (!text) return;
  const chosen = $$(".pick:checked").length;
  text.textContent = `${chosen} ${chosen === 1 ? text.dataset.chosen : text.dataset.plural} selected`;
  for (const button of $$(".bar button")) button.disabled = !chosen; // keys press them, whether they are seen or not
}

function clear() {
  for (const box of picks()) {
    box.checked = false;
    box.removeAttribute("checked");
  }
  begin(null);
}

// -- the mouse

document.addEventListener("click", (event) => {
  const box = event.target.matches?.(".pick") ? event.target : null;
  if (box && event.shiftKey && anchor) {
    range(box, box.checked);
  } else if (box) {
    begin(box);
  } else if (event.target.closest?.("li .tile") && (event.shiftKey || $(".pick:checked")) && !event.ctrlKey && !event.metaKey) {
    const meant = of(event.target); // with some selected, a picture is selected and not opened
    if (!meant) return;
    event.preventDefault();
    if (event.shiftKey) range(meant);
    else meant.click();
  }
});
document.addEventListener("mousedown", (event) => {
  if (event.shiftKey && event.target.closest?.("li .tile, li .pick")) event.preventDefault(); // it would select text
});
document.addEventListener("reset", () => setTimeout(clear));

// -- keys

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

/** The box that an arrow key leads to: before, behind, above or below; null at the edge. */
function beside(box, key) {
  const all = picks();
  if (key in STEPS) return all[all.indexOf(box) + STEPS[key]] ?? null;
  const here = box.closest("li").getBoundingClientRect(), down = key === "ArrowDown";
  const away = all.map((other) => ({ other, there: other.closest("li").getBoundingClientRect() }))
    .filter(({ there }) => (down ? there.top >= here.bottom - 1 : there.bottom <= here.top + 1));
  const row = (there) => (down ? there.top : -there.top);
  away.sort((a, b) => row(a.there) - row(b.there) || Math.abs(a.there.left - here.left) - Math.abs(b.there.left - here.left));
  return away[0]?.other ?? null;
}

function move(event) {
  const box = of(document.activeElement);
  if (!box && !(event.key in STEPS)) return; // the page is scrolled
  const first = picks().find((other) => other.getBoundingClientRect().top >= 0);
  const to = box ? beside(box, event.key) : first;
  if (!to) return;
  event.preventDefault();
  if (event.shiftKey && box && (!ranged.size || !ranged.has(named(box)))) begin(box);
  to.focus();
  to.closest("li").scrollIntoView({ block: "nearest" });
  if (event.shiftKey) range(to);
}

document.addEventListener("keydown", (event) => {
  const where = event.target, all = picks();
  if (!all.length || event.altKey || event.defaultPrevented || where.matches?.(TEXT) || $("dialog[open]")) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a") {
    event.preventDefault();
    for (const box of all) box.checked = true;
    begin(of(document.activeElement));
  } else if (event.ctrlKey || event.metaKey) {
    return;
  } else if (event.key.startsWith("Arrow") && !$(`[data-key="${event.key}"]`)) {
    move(event);
  } else if (of(where) && (event.key === "X" || (event.key === " " && (event.shiftKey || where.matches(".tile"))))) {
    event.preventDefault();
    if (event.shiftKey) range(of(where));
    else of(where).click();
  }
});

// -- after an answer the keyboard is where the first one of those selected was

let left = null;
document.addEventListener("submit", (event) => {
  if (event.target.id === "choose") left = picks().findIndex((box) => box.checked);
}, true);
document.addEventListener("page:changed", () => {
  count();
  if (left === null || $(".pick:checked")) return;
  const all = picks(), active = document.activeElement;
  if (!active || active === document.body || active.closest(".bar")) all[Math.min(left, all.length - 1)]?.focus({ preventScroll: true });
  left = null;
});
count();
