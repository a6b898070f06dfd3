// What makes the pages nicer. Everything but the camera and dropping pictures works without it.
"use strict";

const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const say = (text) => { $("#live").textContent = text; };

async function pageOf(address, options) {
  const answer = await fetch(address, { credentials: "same-origin", ...options });
  if (!answer.ok && answer.status !== 404 && answer.status !== 409) throw new Error(`${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// what is there from the start is not read out by itself
setTimeout(() => say($("#notes .note p")?.textContent ?? ""), 150);

// -- longer lists: the next page is fetched when its link comes into sight

const sight = new IntersectionObserver((seen) => {
  for (const entry of seen) if (entry.isIntersecting) more(entry.target);
}, { rootMargin: "900px" });

async function more(link) {
  sight.unobserve(link);
  if (link.dataset.busy) return;
  link.dataset.busy = "1";
  try {
    const next = await pageOf(link.href);
    const list = $("[data-list]");
    const last = $$("[data-when]", list).at(-1)?.dataset.when;
    for (const item of $$("[data-list] > li", next)) {
      if (item.dataset.when && item.dataset.when === last) continue;
      list.append(item);
    }
    const following = $("a[data-more]", next);
    if (following) {
      link.href = following.href;
      delete link.dataset.busy;
      sight.observe(link);
    } else {
      link.parentElement.remove();
    }
    count();
  } catch {
    delete link.dataset.busy; // the link still works by hand
  }
}

$$("a[data-more]").forEach((link) => {
  link.addEventListener("click", (event) => { event.preventDefault(); more(link); });
  sight.observe(link);
});

// -- who is this? answered in place

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const card = form.dataset.inplace;
  if (!card) return;
  event.preventDefault();
  const data = new URLSearchParams(new FormData(form));
  data.set("then", card);
  try {
    const answer = await pageOf(form.action, { method: "POST", body: data });
    const notes = $("#notes", answer);
    $$("input[name=then]", notes).forEach((then) => { then.value = location.pathname + location.search; });
    $("#notes").replaceWith(notes);
    const changed = $(".card", answer);
    if (changed) {
      const place = form.closest(".card");
      const following = place.nextElementSibling;
      place.replaceWith(changed);
      $("input[data-names]", following ?? changed)?.focus();
    }
    say($("p", notes)?.textContent ?? "");
  } catch {
    form.submit();
  }
});

// -- names are completed while they are typed

let asked = 0;
document.addEventListener("input", async (event) => {
  const field = event.target;
  if (!field.matches?.("[data-names]")) return;
  const mine = ++asked;
  const text = field.value.trim();
  const found = text ? await fetch(`/names?text=${encodeURIComponent(text)}`).then((answer) => answer.json(), () => []) : [];
  if (mine !== asked) return;
  $("#names").replaceChildren(...found.map((one) => {
    const option = document.createElement("option");
    option.value = one.value;
    option.label = one.value === one.title ? `${one.size} faces` : `${one.title}, ${one.size} faces`;
    return option;
  }));
});

// -- choosing many

let before = null;

function count() {
  const text = $("[data-chosen]");
  if (!text) return;
  const chosen = $$(".pick:checked").length;
  text.textContent = `${chosen} ${chosen === 1 ? text.dataset.chosen : text.dataset.plural} selected`;
}

document.addEventListener("click", (event) => {
  const box = event.target;
  if (!box.matches?.(".pick")) return;
  const all = $$(".pick");
  if (event.shiftKey && before && all.includes(before)) {
    const [from, to] = [all.indexOf(before), all.indexOf(box)].sort((a, b) => a - b);
    for (const other of all.slice(from, to + 1)) other.checked = box.checked;
  }
  before = box;
  count();
});
document.addEventListener("reset", () => setTimeout(count));
count();

// -- keys

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const at = event.target;
  if (at.matches(".pick") && event.key === "Enter") { // it would send the form
    event.preventDefault();
    at.click();
    return;
  }
  if (at.matches("input:not(.pick), textarea, select")) {
    if (event.key === "Escape") at.blur();
    return;
  }
  if (event.key === "Escape") { // one thing at a time: what is open, then what is chosen
    const open = $("details.menu[open]");
    if (open) open.open = false;
    else $("[data-clear]")?.click();
    return;
  }
  if (event.key === "x") {
    at.closest("li")?.querySelector(".pick")?.click();
    return;
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  $(`[data-key="${CSS.escape(key)}"]`)?.click();
});
document.addEventListener("click", (event) => {
  $$("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
});

// -- boxes on a picture: names of one size on every screen; a click opens the face beside it

function sizes() {
  for (const drawing of $$("[data-boxes]")) {
    const scale = drawing.viewBox.baseVal.width / (drawing.clientWidth || 1);
    for (const text of $$("text", drawing)) text.style.fontSize = `${15 * scale}px`;
  }
}
addEventListener("resize", sizes);
addEventListener("load", sizes);
sizes();

function openFace() {
  const place = location.hash.startsWith("#face-") && document.getElementById(location.hash.slice(1));
  if (!place) return;
  $$(".who-list details").forEach((other) => { other.open = place.contains(other); });
  $("input[name=to]", place)?.focus();
}
addEventListener("hashchange", openFace);
openFace();
$$("[data-boxes] a").forEach((box) => {
  box.addEventListener("click", () => { if (box.href.baseVal === location.hash) openFace(); });
});

$$("[data-copy]").forEach((button) => {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
    say("The path is copied");
  });
});

$(".top [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

// -- a picture to search with

const ask = $("#ask");
if (ask) {
  const field = $("input[type=file]", ask);
  $("[data-send]", ask).hidden = true;
  $("[data-drop]", ask).hidden = matchMedia("(hover: none)").matches;

  const send = async (file) => {
    $(".wait", ask).hidden = false;
    ask.setAttribute("aria-busy", "true");
    const data = new FormData();
    data.append("picture", file, "picture");
    try {
      const answer = await fetch(ask.action, { method: "POST", body: data });
      if (answer.status === 413) throw new Error("That picture is too large.");
      if (!answer.ok) throw new Error();
      location.assign(answer.url);
    } catch (error) {
      $(".wait", ask).textContent = error.message || "That did not work.";
      ask.removeAttribute("aria-busy");
    }
  };
  field.addEventListener("change", () => { if (field.files[0]) send(field.files[0]); });
  addEventListener("pageshow", () => { field.value = ""; $(".wait", ask).hidden = true; });
  addEventListener("dragover", (event) => { event.preventDefault(); ask.classList.add("over"); });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) ask.classList.remove("over"); });
  addEventListener("drop", (event) => {
    event.preventDefault();
    ask.classList.remove("over");
    if (event.dataTransfer.files[0]) send(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files][0];
    if (file) send(file);
  });

  const camera = $(".camera"), video = $("video", camera), opener = $("[data-camera]", ask);
  opener.hidden = !navigator.mediaDevices?.getUserMedia;
  const off = () => {
    video.srcObject?.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    camera.hidden = true;
  };
  opener.addEventListener("click", async () => {
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } } });
      camera.hidden = false;
      await video.play();
      $("[data-take]", camera).focus();
    } catch {
      off();
      $(".wait", ask).hidden = false;
      $(".wait", ask).textContent = "The browser gives no camera.";
    }
  });
  $("[data-off]", camera).addEventListener("click", off);
  $("[data-take]", camera).addEventListener("click", () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    off();
    canvas.toBlob((picture) => { if (picture) send(picture); }, "image/jpeg", 0.92);
  });
}

// -- work that goes on is watched

const watched = $("[data-watch]");
if (watched) {
  const format = new Intl.NumberFormat("en");
  const many = (number, word) => `${format.format(number)} ${word}${number === 1 ? "" : "s"}`;
  const source = new EventSource("/index/events");
  source.onmessage = (event) => {
    const work = JSON.parse(event.data || "null");
    if (!work || work.ended) {
      source.close();
      location.replace("/index");
      return;
    }
    if (work.todo === null) return;
    const bar = $("progress", watched);
    bar.max = Math.max(work.todo, 1);
    bar.value = work.done;
    $("[data-count]", watched).textContent = `${format.format(work.done)} of ${many(work.todo, "photo")}, ${many(work.faces, "face")}`;
    $("[data-rate]", watched).textContent = work.rate ? `${work.rate} photos a second` : "";
    $("[data-left]", watched).textContent = work.left ? `about ${work.left} left` : "";
    const button = $("[data-stop]", watched);
    if (button && work.stopping) { button.disabled = true; button.textContent = "Stopping …"; }
  };
}
