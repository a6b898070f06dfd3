// The page stays where it is: forms are answered in place, and what others change comes in by itself.
//
// The server always answers with a whole page. What is new in it is put into the page that is shown, and all that the
// user has under way stays: where they are in it, what has the focus, what is typed, selected or opened.
import { $, $$, note, say } from "./dom.js";
import { append, mark } from "./rows.js";

const LOOK_MS = 1000; // so often it is asked whether something has changed
const NO_ANSWER = "facesearch does not answer. Is it still running? What you have typed is kept.";
const LISTS = 40; // so many more pages of a list are asked for again

/** The address shown, without the message that it brought. */
export function here(address = location.href) {
  const url = new URL(address);
  url.searchParams.delete("message");
  return url;
}

export async function pageOf(address, options) {
  const answer = await fetch(address, { credentials: "same-origin", ...options });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  mark(page, here(answer.url));
  return Object.assign(page, { at: answer.url });
}

// -- one page becomes the next

const TYPED = "input:not([type]), input[type=text], input[type=date], input[type=number], textarea";
const typed = (field) => field.value !== field.defaultValue;

/** Whether an element is what the user is doing: nothing may change it from outside. */
function underWay(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return false;
  return node.matches("dialog[open], [data-hold], [data-mine]") || (node.matches(TYPED) && typed(node));
}

const holdsWork = (node) => underWay(node) || (node.nodeType === Node.ELEMENT_NODE && $$(TYPED, node).some(typed));

/** Turn the page shown into another one, keeping what is under way. */
export function become(next) {
  const picked = new Set($$(".pick:checked").map((box) => `${box.name}=${box.value}`));
  for (const box of $$(".pick", next)) if (picked.has(`${box.name}=${box.value}`)) box.setAttribute("checked", "");
  const options = {
    ignoreActiveValue: true,
    callbacks: {
      beforeNodeMorphed: (old) => !underWay(old),
      beforeNodeRemoved: (old) => !holdsWork(old),
      beforeAttributeUpdated: (name, node) => !(name === "open" && node.matches("details")),
    },
  };
  for (const part of ["nav[aria-label=Pages]", "#working", "#notes", "main"]) {
    const old = $(part), made = $(part, next);
    if (old && made) Idiomorph.morph(old, made, options);
  }
  document.title = next.title;
  document.body.dataset.version = next.body.dataset.version ?? "";
  document.dispatchEvent(new CustomEvent("page:changed"));
}

/** Further pages of a list that the page had, so that none of its rows is lost. */
async function lengthen(next) {
  const list = $("[data-list]"), made = $("[data-list]", next);
  if (!list || !made) return;
  const rows = $$(":scope > li:not([data-when])", list).length;
  for (let page = 0; page < LISTS; page++) {
    const link = $("a[data-more][href]", next);
    if (!link || $$(":scope > li:not([data-when])", made).length >= rows) return;
    append(made, link, await pageOf(link.href));
  }
}

// -- forms are answered in place

let sending = false;

/** Where a form leads back to: the part of the list shown, where it names the same page. */
function backTo(then) {
  const to = new URL(then, location), at = here();
  for (const place of [to, at]) place.searchParams.delete("cursor");
  return `${to.pathname}${to.search}` === `${at.pathname}${at.search}` ? `${here().pathname}${here().search}${to.hash}` : then;
}

async function send(form, submitter) {
  const data = new URLSearchParams(new FormData(form, submitter));
  if (data.has("then")) data.set("then", backTo(data.get("then")));
  const action = submitter?.hasAttribute("formaction") ? submitter.formAction : form.action;
  const following = form.closest("li")?.nextElementSibling?.id;
  const goOn = form.matches("[data-next]");
  sending = true;
  form.setAttribute("aria-busy", "true");
  try {
    const next = await pageOf(action, { method: "POST", body: data });
    const at = here(next.at);
    if (at.pathname !== location.pathname) {
      location.assign(next.at);
      return;
    }
    if (!$("#notes .error, #notes .asked", next)) done(form);
    if (at.search === here().search) await lengthen(next);
    history.replaceState(history.state, "", at);
    become(next);
    $("#notes p") && say($("#notes p").textContent);
    if (goOn) $(`#${following ?? "none"} [data-names]`)?.focus();
  } catch {
    note(NO_ANSWER, "error");
  } finally {
    sending = false;
    form.removeAttribute("aria-busy");
  }
}

/** What was typed and chosen has been taken: it is under way no more. */
function done(form) {
  for (const field of form.elements) if (field.matches("input:not([type=hidden])")) field.value = field.defaultValue;
  if (form.id) for (const box of $$(`.pick[form="${form.id}"]:checked`)) box.checked = false;
  form.closest("details.menu")?.removeAttribute("open");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.enctype === "multipart/form-data") return;
  event.preventDefault();
  if (!sending) send(form, event.submitter);
});

// -- what is changed elsewhere comes in by itself

let asking = false;

/** Ask for this page again, and show what is new in it. */
export async function refresh() {
  if (sending || $("[data-hold]")) return;
  const next = await pageOf(here());
  await lengthen(next);
  if (sending || $("[data-hold]")) return; // something was begun meanwhile
  const shown = $("#notes"), notes = $("#notes", next);
  if (shown && notes) notes.replaceWith(document.importNode(shown, true));
  become(next);
}

async function look() {
  if (asking || sending || document.visibilityState !== "visible" || !document.body.dataset.version) return;
  asking = true;
  try {
    const answer = await fetch("/changes", { credentials: "same-origin" });
    if (!answer.ok) return;
    const now = await answer.json();
    if (now.work && $("#working a")) $("#working a").textContent = now.work.title;
    document.dispatchEvent(new CustomEvent("page:work", { detail: now.work }));
    if (now.version !== document.body.dataset.version) await refresh();
  } catch {
    // the server has gone: it is said when something is sent
  } finally {
    asking = false;
  }
}

setInterval(look, LOOK_MS);
addEventListener("focus", look);
document.addEventListener("visibilitychange", look);

// the message has been shown: reloading does not say it again
history.replaceState(history.state, "", here());
mark(document, here());
// what is there from the start is not read out by itself
setTimeout(() => say($("#notes .note p")?.textContent ?? ""), 150);

// -- messages: away when they are closed, and above what lies at the bottom of the page

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-close]")) $("#notes").replaceChildren();
});

function clearance() {
  const low = $$(".bar, .answers").map((part) => part.getBoundingClientRect())
    .filter((box) => box.height && box.top > innerHeight / 2).map((box) => innerHeight - box.top);
  document.documentElement.style.setProperty("--bottom", `${Math.max(0, ...low)}px`);
}
new ResizeObserver(clearance).observe(document.body);
for (const event of ["change", "reset", "scroll", "page:changed"]) {
  document.addEventListener(event, () => requestAnimationFrame(clearance), { passive: true });
}
clearance();
