// What all scripts of the pages use: finding elements, and saying something to those who listen to the page.

export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
export const say = (text) => { $("#live").textContent = text; };

/** A message in the page, as the server's own ones look; kind: "done", "plain" or "error". */
export function note(text, kind = "plain") {
  const frame = document.createElement("div"), line = document.createElement("p");
  frame.className = `note ${kind}`;
  frame.setAttribute("role", kind === "error" ? "alert" : "status");
  line.textContent = text;
  frame.append(line);
  $("#notes").replaceChildren(frame);
}
