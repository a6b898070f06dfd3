// One photo, looked at closely: keys, wheel, two fingers, double click; then it is dragged. A swipe turns to the next.
import { $ } from "./dom.js";

const STEP = 1.35, SWIPE_PX = 60, STILL_PX = 5;
let scale = 1, x = 0, y = 0, fit = null;

const stage = () => $("[data-stage]");
const sheet = () => $("[data-sheet]");
export const editing = () => stage()?.hasAttribute("data-hold");

/** The size of the whole photo as it fits, and the most that it is enlarged: two screen pixels to each of its own. */
function measure() {
  const { offsetWidth: width, offsetHeight: height } = sheet();
  const frame = stage().getBoundingClientRect();
  fit = { width, height, across: frame.width, down: frame.height, most: Math.max(4, (2 * stage().dataset.width) / width) };
}

const held = (at, whole, frame) => (whole <= frame ? (frame - whole) / 2 : Math.min(0, Math.max(frame - whole, at)));

function apply() {
  const on = stage(), paper = sheet();
  if (!on) return;
  const zoomed = scale > 1;
  if (zoomed && !fit) measure();
  on.classList.toggle("zoomed", zoomed);
  if (zoomed) {
    x = held(x, fit.width * scale, fit.across);
    y = held(y, fit.height * scale, fit.down);
  }
  on.style.height = zoomed ? `${fit.down}px` : "";
  paper.style.width = zoomed ? `${fit.width * scale}px` : "";
  paper.style.transform = zoomed ? `translate(${x}px, ${y}px)` : "";
  $("[data-percent]").textContent = `${Math.round(scale * 100)} %`;
  if (!zoomed) fit = null;
  closer();
  document.dispatchEvent(new CustomEvent("photo:sized"));
}

/** More of its pixels, where the picture shown has too few. */
function closer() {
  const image = $("img", sheet()), larger = image.dataset.closer;
  if (!larger || scale <= 1 || fit.width * scale * devicePixelRatio <= image.naturalWidth) return;
  if (image.src.endsWith(larger)) return;
  const loading = new Image();
  loading.onload = () => { if (image.isConnected && image.dataset.closer === larger) image.src = larger; };
  loading.src = larger;
}

/** Enlarge so that what is at a point of the window stays there; without one, the middle of the frame. */
function zoom(by, at) {
  if (!fit) {
    measure();
    x = (fit.across - fit.width) / 2;
    y = (fit.down - fit.height) / 2;
  }
  const frame = stage().getBoundingClientRect();
  const across = at ? at.clientX - frame.left : fit.across / 2, down = at ? at.clientY - frame.top : fit.down / 2;
  const next = Math.min(fit.most, Math.max(1, scale * by));
  x = across - (across - x) * (next / scale);
  y = down - (down - y) * (next / scale);
  scale = next < 1.01 ? 1 : next;
  apply();
}

/** Show a part of the photo so large that it can be held; given in pixels of the window. */
export function around(left, top, right, bottom) {
  const frame = stage().getBoundingClientRect(), side = Math.max(right - left, bottom - top);
  const wanted = 0.4 * Math.min(frame.width, frame.height);
  if (side > wanted / 2) return;
  zoom(wanted / side, { clientX: (left + right) / 2, clientY: (top + bottom) / 2 });
  x += frame.left + frame.width / 2 - (left + right) / 2;
  y += frame.top + frame.height / 2 - (top + bottom) / 2;
  apply();
}

export function whole() {
  scale = 1;
  apply();
}

document.addEventListener("click", (event) => {
  const how = event.target.closest?.("[data-zoom]")?.dataset.zoom;
  if (how === "fit") whole();
  else if (how) zoom(how === "in" ? STEP : 1 / STEP);
});

const inStage = (event) => stage()?.contains(event.target);

document.addEventListener("wheel", (event) => {
  if (!inStage(event)) return;
  const larger = event.deltaY < 0;
  if (scale === 1 && (!larger || (scrollY > 0 && !event.ctrlKey))) {
    if (event.ctrlKey) event.preventDefault();
    return; // the page scrolls
  }
  event.preventDefault();
  zoom(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) / 250), event);
}, { passive: false });

document.addEventListener("dblclick", (event) => {
  if (!inStage(event) || editing() || event.target.closest("a")) return;
  if (scale > 1) whole();
  else zoom(2.5, event);
});

// what would be shown in place of what is seen now: Shift and arrows
const PAN = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
document.addEventListener("keydown", (event) => {
  const way = PAN[event.key];
  if (!way || !event.shiftKey || !stage() || editing() || event.target.matches("input, textarea, select")) return;
  event.preventDefault();
  if (scale === 1) return;
  x += (way[0] * fit.across) / 6;
  y += (way[1] * fit.down) / 6;
  apply();
}, true);
// "=" is "+" without Shift
document.addEventListener("keydown", (event) => {
  if (event.key !== "=" || event.ctrlKey || event.metaKey || !stage() || event.target.matches("input, textarea")) return;
  zoom(STEP);
});

// -- fingers and mouse

const down = new Map();
let start = null, moved = false, pinched = false;
const middle = ([a, b]) => ({ clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 });
const apart = ([a, b]) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);

document.addEventListener("pointerdown", (event) => {
  if (!inStage(event) || event.button) return;
  down.set(event.pointerId, event);
  if (down.size === 1) [start, moved, pinched] = [event, false, false];
  else pinched = moved = true;
});

document.addEventListener("pointermove", (event) => {
  const before = down.get(event.pointerId);
  if (!before) return;
  if (down.size === 2) {
    const was = [...down.values()];
    down.set(event.pointerId, event);
    const now = [...down.values()], from = middle(was), to = middle(now);
    x += to.clientX - from.clientX;
    y += to.clientY - from.clientY;
    zoom(apart(now) / Math.max(apart(was), 1), to);
    return;
  }
  if (Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > STILL_PX) moved = true;
  down.set(event.pointerId, event);
  if (editing() || scale === 1 || !moved || pinched) return;
  x += event.clientX - before.clientX;
  y += event.clientY - before.clientY;
  apply();
});

function up(event) {
  if (!down.delete(event.pointerId) || down.size || event.type === "pointercancel") return;
  if (event.pointerType === "mouse" || pinched || scale > 1 || editing()) return;
  const across = event.clientX - start.clientX, along = event.clientY - start.clientY;
  if (Math.abs(across) > Math.max(SWIPE_PX, 2 * Math.abs(along))) $(`[data-turn] [rel=${across > 0 ? "prev" : "next"}]`)?.click();
}
document.addEventListener("pointerup", up);
document.addEventListener("pointercancel", up);

// a box that was dragged over is not meant
document.addEventListener("click", (event) => {
  if (inStage(event) && moved) {
    event.preventDefault();
    event.stopPropagation();
  }
}, true);
document.addEventListener("dragstart", (event) => { if (inStage(event)) event.preventDefault(); });
document.addEventListener("touchstart", (event) => {
  if (inStage(event) && event.touches.length > 1) event.preventDefault(); // the photo grows, not the page
}, { passive: false });

addEventListener("resize", whole);
document.addEventListener("page:changed", apply);
