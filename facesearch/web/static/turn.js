// The list that one came to a photo from: its next and previous photos, and the way back to it.
import { $, $$ } from "./dom.js";
import { pageOf } from "./page.js";

const KEY = "facesearch list";
const photoOf = (address) => new URL(address, location.href).pathname.match(/^\/photos\/(\d+)$/)?.[1];
const linksIn = (list) => $$("a[href]", list).filter((link) => photoOf(link.href));
const read = () => JSON.parse(sessionStorage.getItem(KEY) ?? "null");
const keep = (list) => sessionStorage.setItem(KEY, JSON.stringify(list));

/** Each photo once: a person may be on it twice. */
function add(photos, links) {
  const known = new Set(photos.map(photoOf));
  for (const link of links) {
    const photo = photoOf(link.href);
    if (!known.has(photo)) photos.push(link.pathname + link.search);
    known.add(photo);
  }
  return photos;
}

/** What is remembered of a list when one of its photos is opened. */
function remember(link) {
  const list = link.closest("ul, ol");
  if (!list || linksIn(list).length < 2) return sessionStorage.removeItem(KEY);
  const end = (which) => (list.matches("[data-list]") ? $(`a[data-${which}][href]`)?.href ?? null : null);
  const title = document.title.replace(" · facesearch", "");
  const entry = window.navigation?.currentEntry?.key;
  return keep({ entry, title: title[0].toUpperCase() + title.slice(1), back: location.pathname + location.search, less: end("less"), more: end("more"), photos: add([], linksIn(list)) });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || typeof link.href !== "string" || !photoOf(link.href)) return;
  if (!link.closest("[data-turn]")) return remember(link);
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault(); // Back leads to the list, however many photos were turned
  location.replace(link.href);
}, true);

// -- on the page of a photo

function point(link, address, words) {
  link.hidden = !address;
  if (address) link.setAttribute("href", address);
  else link.removeAttribute("href");
  $("span", link).textContent = words;
}

/** The further part of the list, once its last photo is near, or the part before its first. */
async function lengthen(list, at) {
  const which = list.less && at < 3 ? "less" : "more";
  if (!list[which] || (which === "more" && at < list.photos.length - 3)) return;
  const next = await pageOf(list[which]);
  const links = linksIn($("[data-list]", next) ?? next).map((link) => new URL(link.getAttribute("href"), location.origin));
  if (which === "less") list.photos = [...add([], links), ...list.photos];
  else add(list.photos, links);
  const following = $(`a[data-${which}]`, next)?.getAttribute("href");
  list[which] = following ? new URL(following, location.origin).href : null;
  keep(list);
  turn();
}

function turn() {
  const nav = $("[data-turn]"), list = read();
  const at = nav && list ? list.photos.findIndex((one) => photoOf(one) === photoOf(location.href)) : -1;
  if (at < 0) return;
  const [before, after] = [list.photos[at - 1], list.photos[at + 1]];
  point($("[rel=prev]", nav), before, "Previous");
  point($("[rel=next]", nav), after, "Next");
  $("[data-place]", nav).textContent = `${at + 1} of ${list.photos.length}${list.more ? "+" : ""}`;
  const back = $("[data-back]", nav);
  back.href = list.back;
  back.textContent = list.title;
  back.title = "Back to the list";
  if (after) new Image().src = `/pictures/photo/${photoOf(after)}/1600`; // shown at once when it is turned to
  lengthen(list, at).catch(() => {}); // the photos known so far can still be turned
}
document.addEventListener("page:changed", turn);
turn();

/** Back in the history where the list is there, so that it is as it was left. */
document.addEventListener("click", (event) => {
  const back = event.target.closest?.("[data-turn] [data-back]");
  if (!back || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const entry = read()?.entry;
  if (!window.navigation?.entries().some(({ key }) => key === entry)) return;
  event.preventDefault();
  navigation.traverseTo(entry);
});

// Esc leads back, after it has closed what is open
document.addEventListener("keydown", (event) => {
  const back = $("[data-turn] [data-back]");
  if (event.key !== "Escape" || !back || event.defaultPrevented || event.target.matches("input, textarea, select")) return;
  if ($("dialog[open], details.menu[open], #notes .note, [data-hold]")) return;
  event.preventDefault();
  back.click();
}, true);
