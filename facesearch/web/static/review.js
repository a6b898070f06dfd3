// Questions: a key pressed twice answers one question, not also the next one, which nobody has seen yet.
import { $ } from "./dom.js";

const TO_SEE_MS = 400; // so long the next question must have been there before it is answered
let shown = $("[data-question]")?.dataset.question, answered = false, from = 0;

document.addEventListener("submit", (event) => { if (event.target.matches("[data-answer]")) answered = true; }, true);
document.addEventListener("page:changed", () => {
  const now = $("[data-question]")?.dataset.question;
  if (now !== shown && answered) from = performance.now() + TO_SEE_MS;
  if (now === shown) return;
  if (document.activeElement?.matches("[data-answer] input")) document.activeElement.blur(); // keys answer the next one
  [shown, answered] = [now, false];
});
document.addEventListener("click", (event) => {
  if (performance.now() >= from || !event.target.closest?.("[data-answer]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
