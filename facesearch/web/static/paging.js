// Long lists: the page holds some pages of one, around what is in sight. What goes at one end comes again on the way back.
// The address says where the part begins, so that Back, Reload and a bookmark lead there, however long the list is.
import { $, $$ } from "./dom.js";
import { pageOf } from "./page.js";
import { append, dropFirst, dropLast, pages, prepend, rowsOf } from "./rows.js";

const MOST = 6; // so many pages of a list are held, and more where they are near
const AHEAD = 900, FAR = 1500; // pixels from what is in sight: a page is asked for there, and may go from there on
const LINKS = "a[data-more][href], a[data-less][href]";

const coming = new WeakMap();

/** Get what a link at an end of the list leads to; asked for once, by whomever. Args: hold: whether the other end goes. */
export function further(link, hold = true) {
  if (!coming.has(link)) {
    const to = link.href;
    const page = pageOf(to).then((next) => { if (link.href === to && link.isConnected) take(link, next, hold); });
    coming.set(link, page.finally(() => coming.delete(link)));
  }
  return coming.get(link);
}

function take(link, next, hold) {
  const list = $("[data-list]"), up = link.matches("[data-less]");
  steadily(list, () => {
    (up ? prepend : append)(list, link, next);
    while (hold && pages(list).length > MOST && !rowsOf(list, up ? "last" : "first").some(needed)) {
      if (up) dropLast(list, $("a[data-more]"));
      else dropFirst(list, $("a[data-less]"));
    }
  });
  history.replaceState(history.state, "", pages(list)[0].dataset.page);
  document.dispatchEvent(new CustomEvent("page:changed"));
}

/** Whether a row is near what is in sight, or the user has something under way in it. */
function needed(row) {
  const { top, bottom } = row.getBoundingClientRect();
  return (bottom > -FAR && top < innerHeight + FAR) || row.contains(document.activeElement) || $(":checked", row)
    || $$("input:not([type])", row).some((field) => field.value !== field.defaultValue);
}

// -- what is in sight stays where it is

const lines = new CSSStyleSheet();
document.adoptedStyleSheets = [lines];
document.documentElement.style.overflowAnchor = "none"; // browsers would do half of it

function steadily(list, change) {
  const row = $$(":scope > li:not([data-when])", list).find((one) => one.getBoundingClientRect().bottom > 0);
  const before = row?.getBoundingClientRect();
  change();
  if (!row?.isConnected) return;
  line(list, row, before.left);
  scrollBy({ top: row.getBoundingClientRect().top - before.top, behavior: "instant" });
}

const FIRST = "[data-list] > li:first-child:not([data-when]), [data-list] > [data-when]:first-child + li";

/** In a grid, leave so many places free before the first row that another one stays in its column. */
function line(list, row, left) {
  const columns = getComputedStyle(list).display === "grid" ? getComputedStyle(list).gridTemplateColumns.split(" ").length : 1;
  if (!$("a[data-less][href]")) lines.replaceSync("");
  else if (columns > 1 && row.getBoundingClientRect().left !== left) {
    for (let column = 1; column <= columns; column++) {
      lines.replaceSync(`${FIRST} { grid-column-start: ${column}; }`);
      if (Math.abs(row.getBoundingClientRect().left - left) < 2) return;
    }
    lines.replaceSync("");
  }
}
addEventListener("resize", () => lines.replaceSync(""));

// -- more is asked for when one goes there

const sight = new IntersectionObserver((seen) => {
  for (const entry of seen) if (entry.isIntersecting) further(entry.target).catch(() => {}); // the link works by hand
}, { rootMargin: `${AHEAD}px` });
let moved = false, held = false;

/** Until some work is done, ask for nothing because somebody scrolls: what is above would move it. */
export async function unmoved(work) {
  held = true;
  sight.disconnect();
  try {
    await work();
  } finally {
    held = false;
    watch();
  }
}

function watch() {
  if (!moved || held) return;
  sight.disconnect();
  for (const link of $$(LINKS)) sight.observe(link);
}

/** Whether the page is where its address leads, as "#faces" does, so that it scrolled by itself. */
function arrived() {
  const to = document.getElementById(location.hash.slice(1)), root = document.documentElement;
  if (!to) return false;
  const far = to.getBoundingClientRect().top - (parseFloat(getComputedStyle(root).scrollPaddingTop) || 0);
  return Math.abs(far) < 2 || (far > 0 && scrollY + innerHeight > root.scrollHeight - 2);
}

for (const event of ["scroll", "wheel", "touchmove", "keydown"]) {
  addEventListener(event, () => {
    if (moved || (event === "scroll" && arrived())) return;
    moved = true;
    watch();
  }, { passive: true });
}
document.addEventListener("page:changed", watch);
document.addEventListener("click", (event) => {
  const link = event.target.closest?.(LINKS);
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  further(link).catch(() => location.assign(link.href));
});
