// A question that has to be answered first has the focus; what was typed stays until it is.
import { $ } from "./dom.js";

let asker = null, following = null, answered = false;

document.addEventListener("submit", ({ target }) => {
  answered = Boolean(target.closest(".asked"));
  if (!answered) {
    asker = target;
    following = target.matches("[data-next]") ? target.closest("li")?.nextElementSibling?.id : null;
  } else if (asker) {
    for (const field of asker.elements) if (field.matches("input:not([type=hidden])")) field.value = field.defaultValue;
  }
}, true);

document.addEventListener("page:changed", () => setTimeout(() => {
  const first = $("#notes .asked button");
  if (first && !("seen" in first.dataset)) {
    first.dataset.seen = "";
    first.focus();
  } else if (!first && answered) {
    answered = false;
    if (following) $(`#${CSS.escape(following)} [data-names]`)?.focus();
  }
}));

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.closest?.(".asked")) {
    const field = asker?.querySelector("[data-names]");
    setTimeout(() => field?.focus());
  }
});
