// What every page has; all but the camera and dropping pictures works without it.
import { $ } from "./dom.js";
import "./page.js";
import "./paging.js";
import "./place.js";
import "./select.js";
import "./keys.js";
import "./names.js";
import "./turn.js";

$(".top [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
