// Keys: what has data-key is clicked by it, and ? lists the keys of the page.
import { $, $$ } from "./dom.js";

const TEXT = "input:not(.pick):not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select";

/** One thing at a time: what is open, then the message, then what is chosen. */
function escape() {
  const open = $("details.menu[open]");
  if (open) open.open = false;
  else if ($(".pick:checked")) $("[data-clear]")?.click();
  else $("#notes").replaceChildren();
}

document.addEventListener("keydown", (event) => {
  const at = event.target;
  const empty = at.matches?.(TEXT) && at.value === at.defaultValue;
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && (empty || !at.matches?.(TEXT))) {
    const undo = $('[data-key="u"]');
    if (undo) event.preventDefault();
    undo?.click();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || $("dialog[open]")) return;
  if (at.matches(".pick") && event.key === "Enter") { // it would send the form
    event.preventDefault();
    at.click();
  } else if (at.matches(TEXT)) {
    if (event.key === "Escape") at.blur();
  } else if (event.key === "Escape") {
    escape();
  } else if (event.key === "x") {
    at.closest("li")?.querySelector(".pick")?.click();
  } else if (event.key === "?") {
    help();
  } else {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const target = $(`[data-key="${CSS.escape(key)}"]`);
    if (!target || event.repeat) return;
    event.preventDefault();
    target.matches(TEXT) ? target.focus() : target.click();
  }
});
document.addEventListener("click", (event) => {
  $$("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
});

/** The keys of this page, from its elements, and those of every page, which the page brings. */
function help() {
  const list = $("#keys dl");
  $$("[data-own]", list).forEach((row) => row.remove());
  for (const element of $$("[data-key]").reverse()) {
    const key = document.createElement("dt"), what = document.createElement("dd"), row = document.createElement("div");
    const words = element.cloneNode(true);
    $$("kbd", words).forEach((mark) => mark.remove());
    key.append(Object.assign(document.createElement("kbd"), { textContent: ARROWS[element.dataset.key] ?? element.dataset.key.toUpperCase() }));
    what.textContent = element.dataset.keyHelp ?? words.textContent.trim();
    row.dataset.own = "";
    row.append(key, what);
    list.prepend(row);
  }
  $("#keys").showModal();
}
const ARROWS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" };

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-help]")) help();
});
