// The live page: a source, a canvas, the socket, and what is shown of the answers.

import { byId, make, percent } from "./dom.js";
import { Link } from "./link.js";
import { agreement, Readings } from "./readings.js";
import { Recording, save } from "./records.js";
import { camera, drawn, file } from "./sources.js";
import { overlay } from "./stage.js";
import { Timeline } from "./timeline.js";
import { SIDES, worsen } from "./worse.js";

const WIDEST = 640; // px of a frame that is sent
const QUALITY = 0.9; // of JPEG
const [FRAME_MS, STILL_MS] = [33, 200]; // between two frames, at least
const CHECKED = 4; // pipelines that the page begins with
const SAY_MS = 2000; // between two sentences for a screen reader
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const work = document.createElement("canvas"); // the frame that is under way
const workContext = work.getContext("2d", { willReadFrequently: true });
const stage = byId("stage");
const worse = { side: null, kinds: new Set() };
let about = null; // page.json
let token = null;
let source = null;
let link = null;
let views = null; // readings and timeline of the socket's pipelines
let recording = null;
let faceSide = null; // px, of the largest face that was seen last
let isPaused = false;
let sentAt = null; // ms of the frame under way
let underWay = null; // its truth and corruptions
let lastSent = 0;
let answered = []; // ms of the last answers
let saidAt = 0;
let wasBad = false; // whether the frame before was not read

function problem(text) {
  byId("problem").textContent = text ?? "";
  byId("problem").hidden = !text;
}

const clock = () => performance.timeOrigin + performance.now();

async function asked(path) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  return fetch(path, { headers });
}

async function begin() {
  about = await (await fetch("/static/page.json")).json();
  byId("privacy").textContent = about.kept
    ? "Pictures go to this server, which was started with --keep: it keeps them."
    : "Pictures go to this server and are not kept.";
  byId("rule").replaceChildren(make("option", { value: "" }, "no rule"),
    ...about.rules.map(({ name, title }) => make("option", { value: name }, title)));
  byId("rule").value = about.rule;
  byId("units-switch").hidden = !about.units;
  if (about.asks_token) {
    byId("token-form").hidden = false;
    problem(null);
  } else {
    await list();
  }
}

async function list() {
  const answer = await asked("/v1/pipelines");
  if (!answer.ok) {
    problem((await answer.json()).error);
    return;
  }
  problem(null);
  byId("token-form").hidden = true;
  const { pipelines } = await answer.json();
  byId("pipelines").replaceChildren(...pipelines.map(({ name }, place) => {
    const box = make("input", { type: "checkbox", name: "pipeline", value: name });
    box.checked = place < CHECKED;
    box.addEventListener("change", connect);
    return make("label", {}, box, ` ${name}`);
  }));
  await connect();
}

// Open a socket for what is chosen; the one before ends.
async function connect() {
  const chosen = [...document.querySelectorAll("[name=pipeline]:checked")].map(({ value }) => value);
  link?.close();
  link = null;
  sentAt = null;
  if (!chosen.length) {
    problem("Choose at least one pipeline.");
    return;
  }
  problem(null);
  const greeting = { pipelines: chosen, temporal: byId("rule").value || null, units: byId("units").checked, token };
  const own = new Link(greeting, (answer) => { if (link === own) heard(answer); });
  link = own;
  const ready = await own.ready;
  if (!ready || link !== own) return;
  views = { readings: new Readings(ready.pipelines, about.emotions), timeline: new Timeline(ready.pipelines, about.emotions) };
  stopRecording();
}

async function take(opening) {
  problem(null);
  source?.close();
  source = null;
  faceSide = null;
  try {
    const opened = await opening();
    source?.close(); // another one that was opened meanwhile
    source = opened;
    opened.onlost = () => problem("The camera has gone. Press Camera to look for it again.");
    if (link && !link.isOpen) await link.ready;
    if (!link || link.socket.readyState > WebSocket.OPEN) await connect();
  } catch (error) {
    problem(error.message);
    return;
  }
  byId("empty").hidden = true;
  for (const id of ["pause", "snapshot", "record"]) byId(id).disabled = false;
  pause(false);
}

function pause(paused) {
  isPaused = paused;
  source?.pause(paused);
  byId("pause").textContent = paused ? "Go on" : "Pause";
  byId("pause").classList.toggle("on", paused);
  if (paused) return;
  answered = [];
  byId("rate").textContent = "–";
}

function frame() {
  requestAnimationFrame(frame);
  views?.timeline.draw(calm.matches ? 1000 : 60);
  const size = source?.size();
  if (!size || isPaused || sentAt !== null || !link?.isOpen) return;
  if (performance.now() - lastSent < (source.still ? STILL_MS : FRAME_MS)) return;
  lastSent = performance.now();
  const scale = Math.min(1, WIDEST / Math.max(...size));
  [work.width, work.height] = size.map((value) => Math.max(1, Math.round(value * scale)));
  source.draw(workContext, work.width, work.height);
  worsen(work, workContext, worse, faceSide);
  sentAt = clock();
  underWay = { truth: source.truth(), worse: { side: worse.side, kinds: [...worse.kinds] } };
  const own = link;
  const sent = sentAt;
  work.toBlob((jpeg) => (jpeg ? own.send(sent, jpeg) : (sentAt = null)), "image/jpeg", QUALITY);
}

function heard(answer) {
  if (answer === null) {
    if (sentAt !== null || !link.isReady || source) problem(`The connection has ended: ${link.reason}. Choose a source to connect again.`);
    link = null;
    sentAt = null;
    source?.close();
    source = null;
    return;
  }
  const latency = sentAt === null ? null : clock() - sentAt;
  sentAt = null;
  if (wasBad) problem(null);
  wasBad = answer.type === "error";
  if (wasBad) {
    problem(`The server did not read a frame: ${answer.reason}.`);
    return;
  }
  if (!views) return;
  answered = [...answered.filter((ms) => ms > performance.now() - 2000), performance.now()];
  show(answer, latency);
  if (recording && !recording.add(answer, underWay.worse, underWay.truth)) stopRecording();
}

function largest(faces) {
  return faces.reduce((best, face) => (!best || face.box[2] * face.box[3] > best.box[2] * best.box[3] ? face : best), null);
}

function show(answer, latency) {
  const faces = answer.faces;
  const big = largest(faces);
  if (big) faceSide = Math.max(big.box[2], big.box[3]);
  choices(faces);
  const wanted = byId("face").value;
  const face = wanted === "" ? big : faces.find(({ track }) => String(track) === wanted) ?? null;
  [stage.width, stage.height] = [work.width, work.height];
  const context = stage.getContext("2d");
  context.drawImage(work, 0, 0);
  overlay(context, faces, about.emotions, face?.track);
  views.readings.show(face);
  views.timeline.add(answer.sent, face, underWay.truth);
  const rate = answered.length > 1 ? (1000 * (answered.length - 1)) / (answered.at(-1) - answered[0]) : null;
  byId("latency").textContent = latency === null ? "–" : `${latency.toFixed(0)} ms there and back`;
  byId("rate").textContent = rate === null ? "–" : `${rate.toFixed(0)} frames/s`;
  byId("inside").textContent = `${answer.ms.all.toFixed(0)} ms in the server`;
  byId("truth").textContent = underWay.truth ? `drawn: ${underWay.truth}` : "";
  say(face, faces.length);
}

function choices(faces) {
  const select = byId("face");
  const tracks = faces.map(({ track }) => String(track));
  const own = [...select.options].slice(1).map(({ value }) => value);
  if (select.value !== "" && !tracks.includes(select.value)) tracks.push(select.value);
  byId("face-choice").hidden = tracks.length < 2;
  if (tracks.length < 2) select.value = "";
  if (own.join() === tracks.join()) return;
  const kept = select.value;
  select.replaceChildren(select.options[0], ...tracks.map((track) => make("option", { value: track }, track)));
  select.value = kept;
}

function say(face, number) {
  const confidence = face?.vote?.posterior[face.vote.emotion];
  const text = face?.vote ? [`Face ${face.track}: ${face.vote.emotion}`, agreement(face)].filter(Boolean).join(", ") : number ? "A face that is not read" : "No face";
  if (performance.now() - saidAt < SAY_MS || byId("said").textContent === text) return;
  saidAt = performance.now();
  byId("said").textContent = text;
  stage.setAttribute("aria-label", `${number === 1 ? "One face" : `${number} faces`}. ${text}${confidence ? ` (${percent(confidence)})` : ""}`);
}

function stopRecording() {
  byId("record").textContent = "Record";
  byId("record").classList.remove("on");
  if (!recording) return;
  const done = recording;
  recording = null;
  const button = (form, kind, text) => {
    const made = make("button", { type: "button" }, `Save ${form}`);
    made.addEventListener("click", () => save(new Blob([text()], { type: kind }), `faceoff-live.${form.toLowerCase()}`));
    return made;
  };
  byId("recorded").replaceChildren(
    button("JSON", "application/json", () => done.json()), button("CSV", "text/csv", () => done.csv()),
    make("span", { class: "none" }, `${done.frames.length} frames`));
}

function startRecording() {
  if (!views) return;
  recording = new Recording([...views.readings.cards.keys()], byId("rule").value || null, about.emotions);
  byId("recorded").replaceChildren();
  byId("record").textContent = "Stop recording";
  byId("record").classList.add("on");
}

byId("camera").addEventListener("click", () => take(camera));
byId("drawn").addEventListener("click", () => take(() => drawn(about.drawn)));
byId("file").addEventListener("change", ({ target }) => {
  const [chosen] = target.files;
  if (chosen) take(() => file(chosen));
  target.value = ""; // so that the same file can be chosen again
});
byId("rule").addEventListener("change", connect);
byId("units").addEventListener("change", connect);
byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byId("token").value;
  list();
});
byId("side").addEventListener("input", ({ target }) => {
  worse.side = SIDES[target.value];
  const text = worse.side === null ? "as it is" : `${worse.side} px`;
  byId("side-said").textContent = text;
  target.setAttribute("aria-valuetext", text);
});
for (const box of document.querySelectorAll("[name=worse]")) {
  box.addEventListener("change", () => worse.kinds[box.checked ? "add" : "delete"](box.value));
}
byId("pause").addEventListener("click", () => pause(!isPaused));
byId("snapshot").addEventListener("click", () => stage.toBlob((png) => save(png, "faceoff-live.png"), "image/png"));
byId("record").addEventListener("click", () => (recording ? stopRecording() : startRecording()));
requestAnimationFrame(frame);
begin().catch(() => problem("The server does not answer. Load the page again."));
