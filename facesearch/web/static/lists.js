// Lists: the next page when its link comes into sight, and the selection of many.
import { $, $$ } from "./dom.js";
import { more } from "./page.js";

const sight = new IntersectionObserver((seen) => {
  for (const entry of seen) if (entry.isIntersecting) lengthen(entry.target);
}, { rootMargin: "900px" });

async function lengthen(link) {
  sight.unobserve(link);
  try {
    await more(link);
    sight.observe(link);
    count();
  } catch {
    // the link still works by hand
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-more]");
  if (!link) return;
  event.preventDefault();
  lengthen(link);
});

let before = null;

function count() {
  const text = $("[data-chosen]");
  if (!text) return;
  const chosen = $$(".pick:checked").length;
  text.textContent = `${chosen} ${chosen === 1 ? text.dataset.chosen : text.dataset.plural} selected`;
}

document.addEventListener("click", (event) => {
  const box = event.target;
  if (!box.matches?.(".pick")) return;
  const all = $$(".pick");
  if (event.shiftKey && before && all.includes(before)) {
    const [from, to] = [all.indexOf(before), all.indexOf(box)].sort((a, b) => a - b);
    for (const other of all.slice(from, to + 1)) other.checked = box.checked;
  }
  before = box;
  count();
});
document.addEventListener("reset", () => setTimeout(count));

function begin() {
  $$("a[data-more]").forEach((link) => sight.observe(link));
  count();
}
document.addEventListener("page:changed", begin);
begin();
