// Lists: the next page when its link comes into sight.
import { $$ } from "./dom.js";
import { more } from "./page.js";

const sight = new IntersectionObserver((seen) => {
  for (const entry of seen) if (entry.isIntersecting) lengthen(entry.target);
}, { rootMargin: "900px" });

async function lengthen(link) {
  sight.unobserve(link);
  try {
    await more(link);
    sight.observe(link);
  } catch {
    // the link still works by hand
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-more]");
  if (!link) return;
  event.preventDefault();
  lengthen(link);
});

function begin() {
  $$("a[data-more]").forEach((link) => sight.observe(link));
}
document.addEventListener("page:changed", begin);
begin();
