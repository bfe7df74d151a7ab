"use strict";
// The picture with its face boxes, voice, strips and curves under it, and one cursor for all.
const data = JSON.parse(document.getElementById("data").textContent);
const [media, boxes, strips, curves, choice, now, legend, units] =
  ["media", "boxes", "strips", "curves", "face", "now", "legend", "units"]
    .map((id) => document.getElementById(id));
const known = {
  neutral: "#767676", happiness: "#b87d00", sadness: "#0072B2", surprise: "#2a8fc4",
  fear: "#b4568b", disgust: "#009E73", anger: "#D55E00", contempt: "#000000",
};
const spare = ["#8c564b", "#17becf", "#bcbd22", "#7f3c8d"];
const coloursOf = (names) => names.map((name, column) => known[name] ?? spare[column % spare.length]);
const colours = coloursOf(data.emotions);
const k = data.emotions.length;
const times = data.times;
const [voice, track, said, tones] = [
  data.voice, ...["voice", "said", "tones"].map((id) => document.getElementById(id)),
];
const tints = coloursOf(voice?.emotions ?? []);
// A voice may begin before the pictures, and end after them.
const begins = [times[0], voice?.start].filter((time) => Number.isFinite(time));
const first = begins.length ? Math.min(...begins) : 0;
const lastFrame = times[times.length - 1] ?? 0;
const last = Math.max(lastFrame, voice?.end ?? first);
const [ROW, NAME] = [25, 13];
const SHOWN = 12;
let cursor = first;
let drawnIn = false;

// Where each person is in the list of its sights, by the place of the frame; -1 where unseen.
for (const person of data.people) {
  person.at = new Int32Array(times.length).fill(-1);
  person.places.forEach((place, index) => { person.at[place] = index; });
}

// The place of the last frame at or before a time.
function placeAt(time) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time + 1e-3) low = middle + 1; else high = middle;
  }
  return Math.max(0, low - 1);
}

function fit(canvas) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  return pen;
}

function copy(canvas, still) {
  const pen = fit(canvas);
  if (still.width && still.height) pen.drawImage(still, 0, 0, canvas.clientWidth, canvas.clientHeight);
  return pen;
}

const across = (time, width) => (last > first ? ((time - first) / (last - first)) * width : 0);
// Where the part of a frame begins and ends on a line of this width.
const part = (place, width) => [
  across(times[place], width), across(times[place + 1] ?? lastFrame, width),
];

function best(person, index) {
  let top = 0;
  for (let column = 1; column < k; column += 1) {
    if ((person.p[index * k + column] ?? 0) > (person.p[index * k + top] ?? 0)) top = column;
  }
  return top;
}

const stateOf = (person, index) => (data.rule ? person.state[index] : best(person, index));

function wordsOf(person, index) {
  if (!k) return "";
  const state = stateOf(person, index);
  if (state < 0) return "";
  if (data.rule) return data.emotions[state];
  return `${data.emotions[state]} ${person.p[index * k + state] ?? 0} %`;
}

function drawBoxes(place) {
  const pen = fit(boxes);
  if (!data.width || drawnIn) return;
  const scale = Math.min(boxes.clientWidth / data.width, boxes.clientHeight / data.height);
  const left = (boxes.clientWidth - scale * data.width) / 2;
  const top = (boxes.clientHeight - scale * data.height) / 2;
  const size = boxes.clientWidth < 500 ? 11 : 14;
  pen.font = `${size}px system-ui, sans-serif`;
  data.people.forEach((person, number) => {
    const index = person.at[place];
    if (index < 0 || person.box[4 * index] === null) return;
    const [x, y, w, h] = person.box.slice(4 * index, 4 * index + 4);
    const chosen = number === Number(choice.value);
    pen.strokeStyle = !person.reliable[index] ? "#aaaaaa" : chosen ? "#ffd000" : "#ffffff";
    pen.lineWidth = chosen ? 3 : 1.5;
    pen.setLineDash(person.reliable[index] ? [] : [5, 4]);
    pen.strokeRect(left + scale * x, top + scale * y, scale * w, scale * h);
    const text = [person.name, wordsOf(person, index)].filter(Boolean).join(": ");
    const wide = pen.measureText(text).width + 8;
    const at = Math.max(0, Math.min(left + scale * x, boxes.clientWidth - wide));
    const above = top + scale * y - size - 6;
    const high = above >= 0 ? above : top + scale * y;
    pen.fillStyle = "rgba(0, 0, 0, .7)";
    pen.fillRect(at, high, wide, size + 6);
    pen.fillStyle = "#fff";
    pen.fillText(text, at + 4, high + size);
  });
}

// A still picture of the curves of the chosen person; the cursor is drawn over it.
let still = null;
let stillStrips = null;

function drawStill() {
  const [width, height] = [curves.clientWidth, curves.clientHeight - 18];
  still = document.createElement("canvas");
  const ratio = window.devicePixelRatio || 1;
  still.width = Math.round(width * ratio);
  still.height = Math.round(curves.clientHeight * ratio);
  const pen = still.getContext("2d");
  pen.scale(ratio, ratio);
  const person = data.people[Number(choice.value)];
  // Ground: grey where a face is not reliable, hatched where there is none.
  times.forEach((_, place) => {
    const index = person ? person.at[place] : -1;
    if (index >= 0 && person.reliable[index]) return;
    const [from, to] = part(place, width);
    if (index >= 0) {
      pen.fillStyle = "#dddddd";
      pen.fillRect(from, 0, Math.max(to - from, 0.5), height);
    }
  });
  if (person) hatch(pen, person, width, height);
  pen.strokeStyle = "#dddddd";
  pen.fillStyle = "#666";
  pen.lineWidth = 1;
  pen.font = "11px system-ui, sans-serif";
  for (const share of [0.25, 0.5, 0.75]) {
    const high = Math.round(2 + (height - 4) * (1 - share)) + 0.5;
    pen.beginPath();
    pen.moveTo(0, high);
    pen.lineTo(width, high);
    pen.stroke();
    pen.fillText(`${100 * share} %`, 3, high - 2);
  }
  if (person) for (let column = 0; column < k; column += 1) drawLine(pen, person, column, width, height);
  pen.strokeStyle = "#111";
  pen.lineWidth = 1;
  pen.strokeRect(0.5, 0.5, width - 1, height);
  ticks(pen, width, height);
}

function hatch(pen, person, width, height) {
  pen.save();
  pen.beginPath();
  times.forEach((_, place) => {
    if (person.at[place] >= 0) return;
    const [from, to] = part(place, width);
    pen.rect(from, 0, Math.max(to - from, 0.5), height);
  });
  pen.clip();
  pen.strokeStyle = "#c8c8c8";
  pen.lineWidth = 1;
  pen.beginPath();
  for (let at = -height; at < width; at += 6) {
    pen.moveTo(at, height);
    pen.lineTo(at + height, 0);
  }
  pen.stroke();
  pen.restore();
}

// At most two points for each pixel, the least and the greatest, however long the video is.
function drawLine(pen, person, column, width, height) {
  const highOf = (value) => 2 + (height - 4) * (1 - value / 100);
  pen.strokeStyle = colours[column];
  pen.lineWidth = 1.5;
  pen.beginPath();
  let drawn = false;
  let pixel = -1;
  let [least, most] = [0, 0];
  const flush = () => {
    if (pixel < 0) return;
    if (drawn) pen.lineTo(pixel, highOf(least)); else pen.moveTo(pixel, highOf(least));
    if (most !== least) pen.lineTo(pixel, highOf(most));
    drawn = true;
    pixel = -1;
  };
  for (let place = 0; place < times.length; place += 1) {
    const index = person.at[place];
    const value = index < 0 ? null : person.p[index * k + column];
    if (value === null) { flush(); drawn = false; continue; }
    const at = Math.round(2 * across(times[place], width)) / 2;
    if (at !== pixel) { flush(); pixel = at; [least, most] = [value, value]; }
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  flush();
  pen.stroke();
}

function ticks(pen, width, height) {
  pen.fillStyle = "#111";
  pen.font = "12px system-ui, sans-serif";
  const span = last - first;
  const most = Math.max(2, Math.floor(width / 80));
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600]
    .find((one) => span / one <= most) ?? 7200;
  const digits = step < 1 ? 1 : 0;
  for (let at = Math.ceil(first / step - 1e-9) * step; at <= last + 1e-9; at += step) {
    const x = across(at, width);
    pen.textAlign = x < 20 ? "left" : x > width - 20 ? "right" : "center";
    pen.fillText(step < 60 ? `${at.toFixed(digits)} s` : clock(at), x, height + 15);
  }
  pen.textAlign = "left";
}

function clock(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// A strip for each person: the colour of the emotion that is seen or, with a rule, of its state.
function drawStrips() {
  const shown = data.people.slice(0, SHOWN);
  strips.style.height = `${shown.length * ROW}px`;
  stillStrips = document.createElement("canvas");
  const ratio = window.devicePixelRatio || 1;
  const width = strips.clientWidth;
  stillStrips.width = Math.max(1, Math.round(width * ratio));
  stillStrips.height = Math.max(1, Math.round(shown.length * ROW * ratio));
  const pen = stillStrips.getContext("2d");
  pen.scale(ratio, ratio);
  shown.forEach((person, number) => {
    const top = number * ROW + NAME;
    const high = ROW - NAME - 3;
    pen.fillStyle = number === Number(choice.value) ? "#111" : "#555";
    pen.font = `${number === Number(choice.value) ? "bold " : ""}11px system-ui, sans-serif`;
    pen.fillText(person.name, 0, top - 3);
    pen.fillStyle = "#eeeeee";
    pen.fillRect(0, top, width, high);
    // A thin line where the mouth moves as in speech.
    pen.fillStyle = "#111";
    (person.talking ?? []).forEach((talks, index) => {
      if (talks !== 1) return;
      const [from, to] = part(person.places[index], width);
      pen.fillRect(from, top + high + 0.5, Math.max(to - from, 0.7) + 0.3, 1.5);
    });
    if (!k) return;
    person.places.forEach((place, index) => {
      const state = stateOf(person, index);
      if (state < 0) return;
      const [from, to] = part(place, width);
      pen.globalAlpha = person.reliable[index] ? 1 : 0.35;
      pen.fillStyle = colours[state];
      pen.fillRect(from, top, Math.max(to - from, 0.7) + 0.3, high);
    });
    pen.globalAlpha = 1;
  });
}

// The loudness, in the colour of what is heard; hatched where nobody speaks.
let stillVoice = null;

function drawVoice() {
  const [width, high] = [track.clientWidth, track.clientHeight - 18];
  const ratio = window.devicePixelRatio || 1;
  stillVoice = document.createElement("canvas");
  stillVoice.width = Math.max(1, Math.round(width * ratio));
  stillVoice.height = Math.max(1, Math.round(track.clientHeight * ratio));
  const pen = stillVoice.getContext("2d");
  pen.scale(ratio, ratio);
  const [top, tall] = [18, high - 18];
  pen.fillStyle = "#f3f3f3";
  pen.fillRect(0, top, width, tall);
  pen.save();
  pen.beginPath();
  let heard = first;
  for (const segment of voice.segments) {
    if (segment.start > heard) pen.rect(across(heard, width), top, across(segment.start, width) - across(heard, width), tall);
    heard = Math.max(heard, segment.end);
  }
  if (heard < last) pen.rect(across(heard, width), top, width - across(heard, width), tall);
  pen.clip();
  pen.fillStyle = "#fff";
  pen.fillRect(0, top, width, tall);
  pen.strokeStyle = "#c8c8c8";
  pen.beginPath();
  for (let at = -tall; at < width; at += 6) {
    pen.moveTo(at, top + tall);
    pen.lineTo(at + tall, top);
  }
  pen.stroke();
  pen.restore();
  // A tint behind each segment and a bar above it carry its colour where the voice is soft.
  for (const segment of voice.segments) {
    const [from, to] = [across(segment.start, width), across(segment.end, width)];
    pen.fillStyle = segment.emotion < 0 ? "#aaaaaa" : tints[segment.emotion];
    pen.globalAlpha = 0.18;
    pen.fillRect(from, top, Math.max(to - from, 1), tall);
    pen.globalAlpha = 1;
    pen.fillRect(from, top, Math.max(to - from - 1, 1), 5);
  }
  let place = 0;
  for (let pixel = 0; pixel < width; pixel += 1) {
    const time = (edge) => first + ((pixel + edge) / width) * (last - first);
    const [from, to] = [0, 1].map((edge) => Math.floor((time(edge) - voice.start) / voice.step));
    let loud = 0;
    for (let at = Math.max(0, from); at <= Math.min(to, voice.loudness.length - 1); at += 1) {
      loud = Math.max(loud, voice.loudness[at]);
    }
    while (place < voice.segments.length && voice.segments[place].end <= time(0.5)) place += 1;
    const segment = voice.segments[place];
    const inside = segment && segment.start <= time(0.5);
    pen.fillStyle = !inside || segment.emotion < 0 ? "#8a8a8a" : tints[segment.emotion];
    const size = Math.max(loud ? 1 : 0, (loud / 100) * (tall - 12));
    pen.fillRect(pixel, top + 5 + (tall - 5 - size) / 2, 1, size);
  }
  pen.font = "11px system-ui, sans-serif";
  pen.fillStyle = "#111";
  pen.fillText(voice.silent ? `Voice: ${voice.silent}` : "Voice", 0, 12);
  let free = pen.measureText("Voice").width + 10;
  for (const segment of voice.segments) {
    const word = segment.emotion < 0 ? "" : voice.emotions[segment.emotion];
    const text = [segment.speaker, word].filter(Boolean).join(": ");
    const from = Math.max(across(segment.start, width), 0);
    const wide = pen.measureText(text).width;
    if (!text || from < free || from + wide > width) continue;
    pen.fillText(text, from, 12);
    free = from + wide + 8;
  }
  pen.strokeStyle = "#111";
  pen.lineWidth = 1;
  pen.strokeRect(0.5, top + 0.5, width - 1, tall - 1);
  ticks(pen, width, high);
}

function hear() {
  const segment = voice.segments.find((one) => one.start <= cursor && cursor < one.end);
  const word = !segment ? "nobody speaks" : segment.emotion < 0 ? "not read"
    : `${voice.emotions[segment.emotion]} ${segment.p[segment.emotion]} %`;
  const who = segment?.speaker ? ` (${segment.speaker})` : "";
  said.textContent = `${times.length ? "" : `${cursor.toFixed(2)} s: `}voice: ${voice.silent || word}${who}`;
  voice.emotions.forEach((_, row) => {
    const value = segment && segment.emotion >= 0 ? segment.p[row] : null;
    const [, bar, number] = tones.children[row].children;
    bar.firstChild.style.width = `${value ?? 0}%`;
    number.textContent = value === null ? "" : `${value} %`;
  });
}

function line(pen, width, height) {
  pen.strokeStyle = "#111";
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(across(cursor, width), 0);
  pen.lineTo(across(cursor, width), height);
  pen.stroke();
}

function tell(place) {
  const person = data.people[Number(choice.value)];
  const index = person ? person.at[place] : -1;
  const bad = index >= 0 && !person.reliable[index] ? ", not reliable" : "";
  const words = index < 0 ? "not seen" : wordsOf(person, index) || "seen";
  now.textContent = `${cursor.toFixed(2)} s: ${words}${bad}`;
  const fill = (list, count, valueOf, most) => {
    for (let row = 0; row < count; row += 1) {
      const value = index < 0 ? null : valueOf(row);
      const [, bar, number] = list.children[row].children;
      bar.firstChild.style.width = `${value === null ? 0 : Math.min(100, (100 * value) / most)}%`;
      number.textContent = value === null ? "" : most === 100 ? `${value} %` : (value / 10).toFixed(1);
    }
  };
  fill(legend, k, (row) => person.p[index * k + row], 100);
  const count = data.units.length;
  fill(units, count, (row) => person.au[index * count + row], 50);
}

function show(time) {
  cursor = Math.min(Math.max(time, first), last);
  const place = placeAt(cursor);
  drawBoxes(place);
  line(copy(curves, still), curves.clientWidth, curves.clientHeight - 18);
  if (strips.clientHeight) line(copy(strips, stillStrips), strips.clientWidth, strips.clientHeight);
  if (voice) {
    line(copy(track, stillVoice), track.clientWidth, track.clientHeight - 18);
    hear();
  }
  tell(place);
}

function redraw() {
  drawStrips();
  drawStill();
  if (voice) drawVoice();
  show(cursor);
}

function seek(time) {
  if (media.duration) media.currentTime = time;
  show(time);
}

function entry(list, text, colour) {
  const item = document.createElement("li");
  const [label, bar, number] = ["span", "b", "span"].map((kind) => document.createElement(kind));
  const inner = document.createElement("i");
  label.textContent = text;
  inner.style.background = colour;
  bar.append(inner);
  item.append(label, bar, number);
  list.append(item);
}

data.people.forEach((person, number) => {
  choice.add(new Option(`${person.name} (${Math.round(100 * person.share)} % of frames)`, number));
});
choice.disabled = data.people.length < 2;
data.emotions.forEach((emotion, column) => entry(legend, emotion, colours[column]));
data.units.forEach((unit) => entry(units, unit, "#444"));
document.querySelector("#key .rule").hidden = !data.rule || !times.length;
document.querySelector("#key .mouths").hidden = !data.people.some((person) => person.talking);
voice?.emotions.forEach((emotion, column) => entry(tones, emotion, tints[column]));
choice.addEventListener("change", redraw);
for (const canvas of [curves, strips, track].filter(Boolean)) {
  canvas.addEventListener("click", (event) => {
    if (canvas === strips) {
      choice.value = Math.min(data.people.length - 1, Math.floor(event.offsetY / ROW));
      redraw();
    }
    seek(first + (event.offsetX / canvas.clientWidth) * (last - first));
  });
}
curves.addEventListener("keydown", (event) => {
  const moved = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!moved) return;
  event.preventDefault();
  seek(times[Math.min(Math.max(placeAt(cursor) + moved, 0), times.length - 1)] ?? first);
});
track?.addEventListener("keydown", (event) => {
  const moved = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!moved) return;
  event.preventDefault();
  seek(cursor + moved * Math.max(0.05, voice.step));
});
// Of a codec that it lacks, a browser plays the sound alone. The overlay is of one that it has.
function lose() {
  if (media.dataset.overlay && !drawnIn) {
    drawnIn = true;
    media.src = media.dataset.overlay;
    return;
  }
  document.getElementById("lost").hidden = false;
}
media.addEventListener("error", lose);
media.addEventListener("loadedmetadata", () => {
  if (!media.videoWidth && media.tagName === "VIDEO") lose();
  redraw();
});
for (const event of ["seeked", "loadeddata", "load"]) {
  media.addEventListener(event, () => show(media.currentTime ?? first));
}
media.addEventListener("play", function step() {
  show(media.currentTime);
  if (!media.paused) requestAnimationFrame(step);
});
addEventListener("resize", redraw);
redraw();
