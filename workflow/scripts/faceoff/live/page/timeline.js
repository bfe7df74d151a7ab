// The last seconds of the chosen face: each pipeline frame by frame, and by the rule over time.

import { byId, hue, make } from "./dom.js";

const SPAN_MS = 20000;
const HOLD_MS = 400; // for which an answer counts, at most: the next one is late, not equal
const [NAME, THIN, THICK, GAP] = [16, 5, 13, 8]; // px

export class Timeline {
  constructor(pipelines, emotions) {
    this.canvas = byId("timeline");
    this.emotions = emotions;
    this.names = pipelines.map(({ name }) => name);
    this.moments = []; // {sent, truth, lanes: name -> [emotion, state]}
    this.drawn = null; // the last moment that was drawn
    this.drawnAt = 0;
    const seen = emotions.filter((name) => pipelines.some((one) => one.emotions.includes(name)));
    byId("key").replaceChildren(...seen.map((name) => {
      const swatch = make("i");
      swatch.style.background = hue(emotions, name);
      return make("span", {}, swatch, name);
    }));
  }

  add(sent, face, truth) {
    const lanes = {};
    for (const name of this.names) lanes[name] = [face?.readings[name]?.emotion, face?.states[name]];
    this.moments.push({ sent, truth, lanes });
    while (this.moments[0].sent < sent - SPAN_MS - HOLD_MS) this.moments.shift();
  }

  // every: ms between two drawings.
  draw(every) {
    const last = this.moments.at(-1) ?? null;
    if (last === this.drawn || performance.now() - this.drawnAt < every) return;
    this.drawn = last;
    this.drawnAt = performance.now();
    const withTruth = this.moments.some(({ truth }) => truth);
    const rows = this.names.length + Number(withTruth);
    const [width, dense] = [this.canvas.clientWidth, devicePixelRatio];
    const height = rows * (NAME + THIN + THICK + GAP + 2) - (withTruth ? THIN + 1 : 0);
    this.canvas.width = width * dense;
    this.canvas.height = height * dense;
    this.canvas.style.height = `${height}px`;
    const context = this.canvas.getContext("2d");
    context.scale(dense, dense);
    context.font = "12px sans-serif";
    const style = getComputedStyle(document.documentElement);
    const at = (ms) => width * (1 - (last.sent - ms) / SPAN_MS);
    let top = 0;
    const lane = (thick, value) => {
      context.fillStyle = style.getPropertyValue("--hover");
      context.fillRect(0, top, width, thick);
      this.moments.forEach((moment, place) => {
        const name = value(moment);
        if (!name) return;
        const until = Math.min(this.moments[place + 1]?.sent ?? moment.sent + 40, moment.sent + HOLD_MS);
        context.fillStyle = hue(this.emotions, name);
        context.fillRect(at(moment.sent), top, at(until) - at(moment.sent) + 0.5, thick);
      });
      top += thick + 1; // a line between the lanes
    };
    const title = (text) => {
      context.fillStyle = style.getPropertyValue("--soft");
      context.fillText(text, 0, top + 12);
      top += NAME;
    };
    if (withTruth) {
      title("drawn");
      lane(THICK, ({ truth }) => truth);
      top += GAP;
    }
    for (const name of this.names) {
      title(name);
      lane(THIN, ({ lanes }) => lanes[name][0]);
      lane(THICK, ({ lanes }) => lanes[name][1]);
      top += GAP;
    }
    const said = this.names.map((name) => `${name}: now ${last.lanes[name][0] ?? "no face"}, over time ${last.lanes[name][1] ?? "nothing"}`);
    this.canvas.setAttribute("aria-label", said.join("; "));
  }
}
