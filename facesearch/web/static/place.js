// Back and Reload lead to where one was: the same part of the list, the same selection, what was typed and not sent.
import { $, $$ } from "./dom.js";
import { here } from "./page.js";
import { further, unmoved } from "./paging.js";

const key = () => `place ${here().pathname}${here().search}`;
const rows = () => $$("[data-list] > li:not([data-when])").length;

/** The fields of text that may hold something not sent yet, by a name that is the same when the page comes again. */
function fields() {
  return $$("main input:not([type]), main input[type=text]").filter((field) => field.name && field.form?.method === "post")
    .map((field) => [`${field.closest("[id]")?.id} ${field.name} ${field.getAttribute("aria-label")}`, field]);
}

function remember() {
  const typed = fields().filter(([, field]) => field.value !== field.defaultValue).map(([name, field]) => [name, field.value]);
  const picked = $$(".pick:checked").map((box) => [box.name, box.value]);
  sessionStorage.setItem(key(), JSON.stringify({ top: scrollY, rows: rows(), typed, picked }));
}

async function restore() {
  const kept = JSON.parse(sessionStorage.getItem(key()) ?? "null");
  if (!kept) return;
  for (let before = -1; rows() < kept.rows && rows() > before;) {
    before = rows();
    const link = $("a[data-more][href]");
    if (link) await further(link, false);
  }
  const typed = new Map(kept.typed);
  for (const [name, field] of fields()) if (typed.has(name)) field.value = typed.get(name);
  for (const [name, value] of kept.picked) {
    const box = $(`.pick[name="${CSS.escape(name)}"][value="${CSS.escape(value)}"]`);
    if (box) box.checked = true;
  }
  document.dispatchEvent(new CustomEvent("page:changed"));
  scrollTo({ top: kept.top, behavior: "instant" });
}

history.scrollRestoration = "manual";
addEventListener("pagehide", remember);
const [arrival] = performance.getEntriesByType("navigation");
if (["back_forward", "reload"].includes(arrival?.type)) unmoved(restore);
