// Work that goes on is watched.
import { $ } from "./dom.js";

const format = new Intl.NumberFormat("en");
const many = (number, word) => `${format.format(number)} ${word}${number === 1 ? "" : "s"}`;

document.addEventListener("page:work", ({ detail: work }) => {
  const watched = $("[data-watch]");
  if (!watched || !work || work.todo === null) return;
  const bar = $("progress", watched);
  bar.max = Math.max(work.todo, 1);
  bar.value = work.done;
  $("[data-count]", watched).textContent = `${format.format(work.done)} of ${many(work.todo, "photo")}, ${many(work.faces, "face")}`;
  $("[data-rate]", watched).textContent = work.rate ? `${work.rate} photos a second` : "";
  $("[data-left]", watched).textContent = work.left ? `about ${work.left} left` : "";
  const button = $("[data-stop]", watched);
  if (button && work.stopping) { button.disabled = true; button.textContent = "Stopping …"; }
});
