// What every page has; all but the camera and dropping pictures works without it.
import { $ } from "./dom.js";
import "./page.js";
import "./paging.js";
import "./place.js";
import "./select.js";
import "./keys.js";
import "./names.js";
import "./turn.js";
import "./asking.js";

// across only: the page stays where place.js has put it
const current = $(".top [aria-current]"), pages = current?.closest("nav");
if (current) {
  const [link, frame] = [current, pages].map((part) => part.getBoundingClientRect());
  pages.scrollLeft += link.left + link.width / 2 - frame.left - frame.width / 2;
}
