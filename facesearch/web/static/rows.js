// The rows of a long list, which come by the page: at the first of each page is noted where it is, and what is around it.
import { $, $$ } from "./dom.js";

// What heads the rows of a time: a heading, and a filler before it where one ends the line above.
const heading = (row) => row && "when" in row.dataset;
const isOf = (row, when) => heading(row) && row.dataset.when === when;
const address = (link) => link?.getAttribute("href") ?? "";

/** Note at the first row of a page of a list how to come there again, and to the pages before and after it. */
export function mark(page, at) {
  const row = $("[data-list] > li:not([data-when])", page);
  if (!row) return;
  const less = address($("a[data-less]", page)), more = address($("a[data-more]", page));
  Object.assign(row.dataset, { page: at.pathname + at.search, less, more });
}

/** Put the rows of the next page below those of a list; link: the list's own to what follows. */
export function append(list, link, next) {
  const last = $$(":scope > [data-when]", list).at(-1)?.dataset.when;
  const rows = $$("[data-list] > li", next);
  list.append(...rows.filter((row) => !isOf(row, last)));
  lead(link, address($("a[data-more]", next)));
}

/** Put the rows of the page before above those of a list. */
export function prepend(list, link, previous) {
  const rows = $$("[data-list] > li", previous);
  const last = rows.findLast(heading)?.dataset.when;
  while (isOf(list.firstElementChild, last)) list.firstElementChild.remove();
  list.prepend(...rows);
  lead(link, address($("a[data-less]", previous)));
}

export const pages = (list) => $$(":scope > [data-page]", list);

/** Take the first page of a list away. */
export function dropFirst(list, less) {
  const next = pages(list)[1];
  const gone = [];
  while (list.firstElementChild !== next) {
    gone.push(list.firstElementChild);
    list.firstElementChild.remove();
  }
  const last = gone.findLast(heading)?.dataset.when;
  list.prepend(...gone.filter((row) => isOf(row, last)));
  lead(less, next.dataset.less);
}

/** Take the last page of a list away. */
export function dropLast(list, more) {
  const [before, last] = pages(list).slice(-2);
  while (list.contains(last)) list.lastElementChild.remove();
  while (heading(list.lastElementChild)) list.lastElementChild.remove();
  lead(more, before.dataset.more);
}

/** The rows of the first or the last page of a list. */
export function rowsOf(list, which) {
  const rows = [...list.children];
  return which === "first" ? rows.slice(0, rows.indexOf(pages(list)[1])) : rows.slice(rows.indexOf(pages(list).at(-1)));
}

function lead(link, to) {
  if (to) link.setAttribute("href", to);
  else link.removeAttribute("href");
  link.parentElement.hidden = !to;
}
