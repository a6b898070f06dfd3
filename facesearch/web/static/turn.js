// The list that one came to a photo or a person from: the next and previous one of it, and the way back to it.
import { $, $$ } from "./dom.js";
import { pageOf } from "./page.js";

/** Whose page an address is that of: "/photos/12", "/people/7", or undefined. */
const pathOf = (address) => new URL(address, location.href).pathname.match(/^\/(?:photos|people)\/\d+$/)?.[0];
const kindOf = (path) => path.split("/")[1];
const key = (kind) => `facesearch list of ${kind}`;
const read = (kind) => JSON.parse(sessionStorage.getItem(key(kind)) ?? "null");
const keep = (list) => sessionStorage.setItem(key(list.kind), JSON.stringify(list));
const linksIn = (part, kind) => $$("a[href]", part).filter((link) => kindOf(pathOf(link.href) ?? "/") === kind);

/** Each once: a person may be on a photo twice. */
function add(items, links) {
  const known = new Set(items.map(pathOf));
  for (const link of links) {
    const path = pathOf(link.href);
    if (!known.has(path)) items.push(link.pathname + link.search);
    known.add(path);
  }
  return items;
}

/** What is remembered of a list when one of its photos or people is opened. */
function remember(link, kind) {
  const list = link.closest("ul, ol");
  const items = list ? add([], linksIn(list, kind)) : [];
  if (items.length < 2) return sessionStorage.removeItem(key(kind));
  const end = (which) => (list.matches("[data-list]") ? $(`a[data-${which}][href]`)?.href ?? null : null);
  const title = document.title.replace(" · facesearch", "");
  const entry = window.navigation?.currentEntry?.key;
  return keep({ kind, entry, title: title[0].toUpperCase() + title.slice(1), back: location.pathname + location.search, less: end("less"), more: end("more"), items });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || typeof link.href !== "string" || !pathOf(link.href)) return;
  if (!link.closest("[data-turn]")) {
    if (pathOf(link.href) !== pathOf(location.href)) remember(link, kindOf(pathOf(link.href)));
    return;
  }
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault(); // Back leads to the list, however many were turned
  location.replace(link.href);
}, true);

// -- on the page of a photo or a person

function point(link, address, words) {
  link.hidden = !address;
  if (address) link.setAttribute("href", address);
  else link.removeAttribute("href");
  $("span", link).textContent = words;
}

/** The further part of the list, once its last one is near, or the part before its first. */
async function lengthen(list, at) {
  const which = list.less && at < 3 ? "less" : "more";
  if (!list[which] || (which === "more" && at < list.items.length - 3)) return;
  const next = await pageOf(list[which]);
  const links = linksIn($("[data-list]", next) ?? next, list.kind).map((link) => new URL(link.getAttribute("href"), location.origin));
  if (which === "less") list.items = [...add([], links), ...list.items];
  else add(list.items, links);
  const following = $(`a[data-${which}]`, next)?.getAttribute("href");
  list[which] = following ? new URL(following, location.origin).href : null;
  keep(list);
  turn();
}

function turn() {
  const nav = $("[data-turn]"), path = pathOf(location.href);
  const list = nav && path ? read(kindOf(path)) : null;
  const at = list ? list.items.findIndex((one) => pathOf(one) === path) : -1;
  if (at < 0) return;
  const order = list.kind === "people" && new URLSearchParams(location.search).get("order");
  const [before, after] = [list.items[at - 1], list.items[at + 1]].map((one) => (one && order ? `${pathOf(one)}?order=${order}` : one));
  nav.hidden = false;
  point($("[rel=prev]", nav), before, "Previous");
  point($("[rel=next]", nav), after, "Next");
  $("[data-place]", nav).textContent = `${at + 1} of ${list.items.length}${list.more ? "+" : ""}`;
  const back = $("[data-back]", nav);
  back.href = list.back;
  back.textContent = list.title;
  back.title = "Back to the list";
  if (after && list.kind === "photos") new Image().src = `/pictures/photo/${pathOf(after).split("/")[2]}/1600`; // shown at once when it is turned to
  lengthen(list, at).catch(() => {}); // those known so far can still be turned
}
document.addEventListener("page:changed", turn);
turn();

/** Back in the history where the list is there, so that it is as it was left. */
document.addEventListener("click", (event) => {
  const back = event.target.closest?.("[data-turn] [data-back]");
  if (!back || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const entry = read(kindOf(pathOf(location.href)))?.entry;
  if (!window.navigation?.entries().some(({ key }) => key === entry)) return;
  event.preventDefault();
  navigation.traverseTo(entry);
});

// Esc leads back, after it has closed what is open
document.addEventListener("keydown", (event) => {
  const back = $("[data-turn]:not([hidden]) [data-back]");
  if (event.key !== "Escape" || !back || event.defaultPrevented || event.target.matches("input, textarea, select")) return;
  if ($("dialog[open], details.menu[open], #notes .note, .pick:checked, [data-hold]")) return;
  event.preventDefault();
  back.click();
}, true);
