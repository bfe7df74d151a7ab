"use strict";
// The picture with its face boxes, the curves under it, and one cursor for both.
const data = JSON.parse(document.getElementById("data").textContent);
const [media, boxes, curves, choice, now] = ["media", "boxes", "curves", "face", "now"]
  .map((id) => document.getElementById(id));
const colours = ["#767676", "#b87d00", "#0072B2", "#2a8fc4", "#b4568b", "#009E73", "#D55E00", "#000000"];
const first = data.times[0] ?? 0;
const last = data.times[data.times.length - 1] ?? 0;
let cursor = first;

// The place of the last frame at or before a time.
function placeAt(time) {
  let low = 0;
  let high = data.times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (data.times[middle] <= time + 1e-3) low = middle + 1; else high = middle;
  }
  return Math.max(0, low - 1);
}

function fit(canvas) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = canvas.clientWidth * ratio;
  canvas.height = canvas.clientHeight * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  return pen;
}

function drawBoxes(place) {
  const pen = fit(boxes);
  if (!data.width) return;
  const scale = Math.min(boxes.clientWidth / data.width, boxes.clientHeight / data.height);
  const left = (boxes.clientWidth - scale * data.width) / 2;
  const top = (boxes.clientHeight - scale * data.height) / 2;
  pen.font = "14px system-ui, sans-serif";
  for (const [name, face] of Object.entries(data.faces)) {
    const seen = face[place];
    if (!seen || !seen.box) continue;
    const [x, y, w, h] = seen.box;
    pen.strokeStyle = name === choice.value ? "#ffd000" : "#ffffff";
    pen.lineWidth = name === choice.value ? 3 : 1.5;
    pen.strokeRect(left + scale * x, top + scale * y, scale * w, scale * h);
    const text = `${name}: ${seen.emotion}`;
    pen.fillStyle = "rgba(0, 0, 0, .7)";
    pen.fillRect(left + scale * x, top + scale * y - 20, pen.measureText(text).width + 8, 20);
    pen.fillStyle = "#fff";
    pen.fillText(text, left + scale * x + 4, top + scale * y - 5);
  }
}

function drawCurves(place) {
  const pen = fit(curves);
  const [width, height] = [curves.clientWidth, curves.clientHeight - 18];
  const across = (time) => (last > first ? ((time - first) / (last - first)) * width : 0);
  const face = data.faces[choice.value] ?? {};
  data.emotions.forEach((_, column) => {
    pen.strokeStyle = colours[column % colours.length];
    pen.lineWidth = 1.5;
    pen.beginPath();
    let drawn = false;
    data.times.forEach((time, moment) => {
      const seen = face[moment];
      if (!seen) { drawn = false; return; }
      const high = 2 + (height - 4) * (1 - (seen.p[column] ?? 0));
      if (drawn) pen.lineTo(across(time), high); else pen.moveTo(across(time), high);
      drawn = true;
    });
    pen.stroke();
  });
  pen.strokeStyle = "#111";
  pen.lineWidth = 1;
  pen.strokeRect(0.5, 0.5, width - 1, height);
  pen.beginPath();
  pen.moveTo(across(cursor), 0);
  pen.lineTo(across(cursor), height);
  pen.stroke();
  pen.fillStyle = "#111";
  pen.font = "12px system-ui, sans-serif";
  pen.fillText(`${first.toFixed(2)} s`, 0, height + 15);
  pen.textAlign = "right";
  pen.fillText(`${last.toFixed(2)} s`, width, height + 15);
  const seen = face[place];
  const said = seen ? `${seen.emotion} ${(100 * Math.max(...seen.p)).toFixed(0)} %` : "not seen";
  now.textContent = `${cursor.toFixed(2)} s: ${said}`;
}

function show(time) {
  cursor = Math.min(Math.max(time, first), last);
  const place = placeAt(cursor);
  drawBoxes(place);
  drawCurves(place);
}

for (const name of Object.keys(data.faces)) choice.add(new Option(name, name));
choice.value = data.main;
data.emotions.forEach((emotion, column) => {
  const entry = document.createElement("span");
  entry.textContent = emotion;
  entry.style.borderColor = colours[column % colours.length];
  document.getElementById("legend").append(entry);
});
choice.addEventListener("change", () => show(cursor));
curves.addEventListener("click", (event) => {
  const time = first + (event.offsetX / curves.clientWidth) * (last - first);
  if (media.duration) media.currentTime = time;
  show(time);
});
function lose() { document.getElementById("lost").hidden = false; }
media.addEventListener("error", lose);
// Of a codec that it lacks, a browser plays the sound alone.
media.addEventListener("loadedmetadata", () => { if (!media.videoWidth) lose(); });
for (const event of ["seeked", "loadeddata", "load"]) {
  media.addEventListener(event, () => show(media.currentTime ?? first));
}
media.addEventListener("play", function step() {
  show(media.currentTime);
  if (!media.paused) requestAnimationFrame(step);
});
addEventListener("resize", () => show(cursor));
show(first);
