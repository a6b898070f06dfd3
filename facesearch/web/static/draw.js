// A box is drawn around a face that was not found, or the box of one is moved: by mouse, finger or keys.
import { $, $$, say } from "./dom.js";
import { around, whole } from "./zoom.js";

const LEAST_PX = 8; // of the photo, as the library has it
const SVG = "http://www.w3.org/2000/svg";
const HOW = "Arrows move the box, Shift and arrows resize it. Enter keeps it, Escape leaves.";
const coarse = matchMedia("(pointer: coarse)");
let now = null; // what is being drawn: face, "" for a new one; box; sending

const stage = () => $("[data-stage]");
const drawing = () => $("[data-boxes]", stage());
const size = () => [Number(stage().dataset.width), Number(stage().dataset.height)];
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const round = (value) => Math.round(value * 10) / 10;
/** Pixels of the photo to one of the screen. */
const unit = () => size()[0] / drawing().getBoundingClientRect().width;

function pointOf(event) {
  const frame = drawing().getBoundingClientRect(), [width, height] = size();
  return [((event.clientX - frame.left) / frame.width) * width, ((event.clientY - frame.top) / frame.height) * height];
}

// -- beginning and ending

function begin(face, box) {
  now = { face, box, sending: false };
  const on = stage();
  on.dataset.hold = ""; // nobody changes the page meanwhile
  on.classList.add("editing");
  on.tabIndex = 0;
  on.setAttribute("role", "application");
  on.setAttribute("aria-label", `The box around the face. ${HOW}`);
  on.focus({ preventScroll: true });
  on.scrollIntoView({ block: "nearest" });
  $("[data-drawing] button").disabled = false;
  for (const words of $$("[data-how]")) words.hidden = words.dataset.how !== (face ? "move" : "draw");
  say(HOW);
  paint();
}

/** A small box comes near: nobody could hold its corners. */
function move(face, box) {
  begin(face, box);
  const frame = drawing().getBoundingClientRect(), [x1, y1, x2, y2] = box.map((value) => value / unit());
  around(frame.left + x1, frame.top + y1, frame.left + x2, frame.top + y2);
}

function leave() {
  now = null;
  const on = stage();
  $(".edit", on)?.remove();
  on.classList.remove("editing");
  for (const name of ["data-hold", "tabindex", "role", "aria-label", "data-grip"]) on.removeAttribute(name);
}

/** In the middle of what is seen of the photo. */
function first() {
  const frame = stage().getBoundingClientRect(), [width, height] = size();
  const [left, top] = pointOf({ clientX: frame.left, clientY: frame.top });
  const [right, bottom] = pointOf({ clientX: frame.right, clientY: frame.bottom });
  const [x1, y1, x2, y2] = [Math.max(left, 0), Math.max(top, 0), Math.min(right, width), Math.min(bottom, height)];
  const half = Math.max(0.1 * Math.min(x2 - x1, y2 - y1), LEAST_PX);
  return fitted([(x1 + x2) / 2 - half, (y1 + y2) / 2 - 1.25 * half, (x1 + x2) / 2 + half, (y1 + y2) / 2 + 1.25 * half]);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-draw], [data-move], [data-move-open], [data-leave]");
  if (!button) return;
  if (button.matches("[data-leave]")) {
    leave();
    whole();
    $("[data-draw]")?.focus();
  } else if (button.matches("[data-draw]")) {
    begin("", first());
  } else {
    const which = button.matches("[data-move]") ? button : $(".who-list details[open] [data-move]") ?? $("[data-move]");
    if (which) move(which.dataset.move, which.dataset.box.split(",").map(Number));
  }
});

// -- the box

/** A box on the photo, of at least so many pixels a side. */
function fitted([x1, y1, x2, y2]) {
  const [width, height] = size();
  const across = clamp(Math.abs(x2 - x1), LEAST_PX, width), down = clamp(Math.abs(y2 - y1), LEAST_PX, height);
  const left = clamp(Math.min(x1, x2), 0, width - across), top = clamp(Math.min(y1, y2), 0, height - down);
  return [left, top, left + across, top + down];
}

/** Where the box can be held: the corners, and the sides where it is large enough. */
function grips() {
  const [x1, y1, x2, y2] = now.box, xm = (x1 + x2) / 2, ym = (y1 + y2) / 2;
  const corners = [["nw", x1, y1], ["ne", x2, y1], ["sw", x1, y2], ["se", x2, y2]];
  const sides = [["n", xm, y1], ["s", xm, y2], ["w", x1, ym], ["e", x2, ym]];
  return Math.min(x2 - x1, y2 - y1) / unit() > 70 ? [...corners, ...sides] : corners;
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function paint() {
  if (!now) return;
  const [width, height] = size(), [x1, y1, x2, y2] = now.box;
  const around = element("path", {
    d: `M0 0H${width}V${height}H0ZM${x1} ${y1}V${y2}H${x2}V${y1}Z`, class: "around",
  });
  const box = element("rect", { x: x1, y: y1, width: x2 - x1, height: y2 - y1 });
  const dots = grips().map(([, cx, cy]) => element("circle", { cx, cy, r: (coarse.matches ? 9 : 6) * unit() }));
  const group = element("g", { class: "edit" });
  group.append(around, box, ...dots);
  $(".edit", drawing())?.remove();
  drawing().append(group);
}

let telling = 0;
function change(box) {
  now.box = fitted(box);
  paint();
  clearTimeout(telling);
  telling = setTimeout(() => {
    if (!now) return;
    const [x1, y1, x2, y2] = now.box.map(Math.round);
    say(`The box is ${x2 - x1} by ${y2 - y1} pixels, at ${x1}, ${y1}`);
  }, 600);
}

// -- mouse and fingers

const fingers = new Set();
let drag = null;

function gripAt(event) {
  const [x, y] = pointOf(event), reach = (coarse.matches ? 26 : 12) * unit(), [x1, y1, x2, y2] = now.box;
  const near = grips().map(([name, gx, gy]) => [Math.hypot(x - gx, y - gy), name]).sort((a, b) => a[0] - b[0])[0];
  const least = Math.min(x2 - x1, y2 - y1) / 3; // a small box can still be moved
  if (near[0] < Math.min(reach, Math.max(least, 6 * unit()))) return near[1];
  return x > x1 && x < x2 && y > y1 && y < y2 ? "move" : "new";
}

document.addEventListener("pointerdown", (event) => {
  if (!now || now.sending || event.button || !stage().contains(event.target)) return;
  fingers.add(event.pointerId);
  if (fingers.size > 1) { // two fingers look closer
    if (drag) change(drag.box);
    drag = null;
    return;
  }
  event.preventDefault();
  stage().focus({ preventScroll: true });
  stage().setPointerCapture(event.pointerId);
  drag = { grip: gripAt(event), from: pointOf(event), box: now.box };
});

document.addEventListener("pointermove", (event) => {
  if (!now || now.sending) return;
  if (!drag) {
    if (stage().contains(event.target)) stage().dataset.grip = gripAt(event);
    return;
  }
  const [x, y] = pointOf(event), [fx, fy] = drag.from, [x1, y1, x2, y2] = drag.box;
  const [width, height] = size();
  if (drag.grip === "new") {
    if (Math.hypot(x - fx, y - fy) > 4 * unit()) change([fx, fy, clamp(x, 0, width), clamp(y, 0, height)]);
  } else if (drag.grip === "move") {
    change([x1 + x - fx, y1 + y - fy, x2 + x - fx, y2 + y - fy]);
  } else {
    const has = (side) => drag.grip.includes(side);
    change([
      has("w") ? Math.min(clamp(x, 0, width), x2 - LEAST_PX) : x1, has("n") ? Math.min(clamp(y, 0, height), y2 - LEAST_PX) : y1,
      has("e") ? Math.max(clamp(x, 0, width), x1 + LEAST_PX) : x2, has("s") ? Math.max(clamp(y, 0, height), y1 + LEAST_PX) : y2,
    ]);
  }
});

for (const end of ["pointerup", "pointercancel"]) {
  document.addEventListener(end, (event) => {
    fingers.delete(event.pointerId);
    drag = null;
  });
}

// -- keys

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

document.addEventListener("keydown", (event) => {
  if (!now || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
  if ($("dialog[open]")) return;
  const way = WAYS[event.key], onButton = event.target.matches("button, a, summary");
  if (!way && event.key !== "Escape" && (event.key !== "Enter" || onButton)) return;
  event.preventDefault();
  event.stopPropagation();
  if (now.sending) return;
  if (event.key === "Escape") {
    $("[data-leave]").click();
  } else if (event.key === "Enter") {
    $("[data-drawing]").requestSubmit();
  } else {
    const [x1, y1, x2, y2] = now.box, step = Math.max(1, Math.max(x2 - x1, y2 - y1) / 20);
    const [right, low] = way.map((sign) => sign * step);
    if (!event.shiftKey) change([x1 + right, y1 + low, x2 + right, y2 + low]);
    else change([x1, y1, Math.max(x1 + LEAST_PX, x2 + right), Math.max(y1 + LEAST_PX, y2 + low)]);
  }
}, true);

// -- keeping it

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-drawing]")) return;
  if (!now || now.sending) {
    event.preventDefault();
    return;
  }
  form.elements.box.value = now.box.map(round).join(",");
  form.elements.face.value = now.face;
  form.setAttribute("action", now.face ? form.dataset.moveAt : form.dataset.drawAt);
  now.sending = true;
  stage().removeAttribute("data-hold"); // the answer may change it
  $("button", form).disabled = true;
  say("The face is being looked at");
  new MutationObserver((_, seen) => {
    if (form.hasAttribute("aria-busy")) return;
    seen.disconnect();
    settle();
  }).observe(form, { attributeFilter: ["aria-busy"] });
}, true);

/** What was answered: the face is there, and asked who it is; or it was refused, and the box is still to be drawn. */
function settle() {
  if (!now) return;
  const { face, box } = now;
  if ($("#notes .error")) {
    begin(face, box);
    return;
  }
  leave();
  if (face) whole();
  const place = $(`#face-${Number(new URLSearchParams(location.search).get("face"))}`);
  const details = place && $("details", place);
  if (!details) return;
  details.open = true;
  (face ? $("[data-move]", place) : $(".likely button", place) ?? $("input[name=to]", place))?.focus();
}

for (const name of ["page:changed", "photo:sized"]) document.addEventListener(name, paint);
