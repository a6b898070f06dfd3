// A picture to search with is dropped, pasted, chosen or taken.
import { $ } from "./dom.js";

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
