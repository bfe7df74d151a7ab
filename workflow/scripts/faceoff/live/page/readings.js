// The cards beside the picture: the vote, each pipeline, the plane of valence and arousal.

import { byId, hue, make, percent } from "./dom.js";

class Bars {
  constructor(names, colour, most) {
    this.most = most;
    this.rows = new Map(names.map((name) => {
      const fill = make("i");
      fill.style.background = colour(name);
      const value = make("span", { class: "n" }, "–");
      const row = make("li", {}, make("span", {}, name), make("span", { class: "bar", "aria-hidden": "true" }, fill), value);
      return [name, { row, fill, value }];
    }));
    this.list = make("ul", { class: "bars" }, ...[...this.rows.values()].map(({ row }) => row));
  }

  show(values, said, top) {
    for (const [name, { row, fill, value }] of this.rows) {
      const share = values?.[name];
      fill.style.width = `${(100 * (share ?? 0)) / this.most}%`;
      value.textContent = share == null ? "–" : said(share);
      row.classList.toggle("named", name === top);
    }
  }
}

class Card {
  constructor(title, names, emotions) {
    this.word = make("b", {}, "–");
    this.detail = make("span", { class: "detail" });
    this.bars = new Bars(names, (name) => hue(emotions, name), 1);
    this.element = make("article", { class: "card reading-card" },
      make("h3", {}, title), make("p", { class: "word" }, this.word, this.detail), this.bars.list);
  }

  show(word, detail, posterior, top) {
    this.word.textContent = word;
    this.detail.textContent = detail;
    this.bars.show(posterior, percent, top);
  }

  showUnits(units) {
    if (units && !this.units) {
      this.units = new Bars(Object.keys(units), () => "var(--accent)", 5);
      this.element.append(make("details", { open: "" }, make("summary", {}, "Action units (0 – 5)"), this.units.list));
    }
    this.units?.show(units, (value) => value.toFixed(1));
  }
}

class Plane {
  constructor(pipelines) {
    this.points = new Map(pipelines.map(({ name }, place) => {
      const point = make("text", { class: "point", "text-anchor": "middle", "dominant-baseline": "central", hidden: "" }, String(place + 1));
      return [name, point];
    }));
    const axes = [make("rect", { x: -1, y: -1, width: 2, height: 2 }), make("line", { x1: -1, x2: 1, y1: 0, y2: 0 }), make("line", { x1: 0, x2: 0, y1: -1, y2: 1 }), make("circle", { r: 1 })];
    this.svg = make("svg", { viewBox: "-1.12 -1.12 2.24 2.24", role: "img", "aria-label": "No valence and arousal yet" }, ...axes, ...this.points.values());
    const key = pipelines.map(({ name }, place) => make("span", {}, `${place + 1} ${name}`));
    this.element = make("article", { class: "card reading-card plane", hidden: "" },
      make("h3", {}, "Valence and arousal"), this.svg,
      make("p", { class: "key" }, "→ pleasant, ↑ excited; both from −1 to 1", ...key));
  }

  show(readings) {
    const said = [];
    for (const [name, point] of this.points) {
      const { valence, arousal } = readings[name] ?? {};
      const has = valence != null && arousal != null;
      point.toggleAttribute("hidden", !has);
      if (!has) continue;
      point.setAttribute("x", valence);
      point.setAttribute("y", -arousal);
      said.push(`${name}: valence ${valence.toFixed(2)}, arousal ${arousal.toFixed(2)}`);
      this.element.hidden = false;
    }
    if (said.length) this.svg.setAttribute("aria-label", said.join("; "));
  }
}

// Pairs of pipelines, as the server counts them, in words.
export function agreement(face) {
  if (face.disagreement === null) return "";
  if (face.disagreement === 0) return "all pipelines agree";
  if (Object.values(face.readings).filter(({ emotion }) => emotion).length === 2) return "the two pipelines disagree";
  return `${percent(face.disagreement)} of pairs of pipelines disagree`;
}

export class Readings {
  constructor(pipelines, emotions) {
    const all = emotions.filter((name) => pipelines.some((one) => one.emotions.includes(name)));
    this.vote = pipelines.length > 1 ? new Card("Vote of all", all, emotions) : null;
    this.vote?.element.classList.add("vote");
    this.cards = new Map(pipelines.map(({ name, emotions: own }) => [name, new Card(name, own, emotions)]));
    this.plane = new Plane(pipelines);
    const elements = [...(this.vote ? [this.vote] : []), ...this.cards.values(), this.plane].map(({ element }) => element);
    byId("readings").replaceChildren(...elements);
  }

  // face: null where none is seen.
  show(face) {
    this.vote?.show(face?.vote?.emotion ?? "–", face ? agreement(face) : "no face", face?.vote?.posterior, face?.vote?.emotion);
    this.vote?.element.classList.toggle("split", (face?.disagreement ?? 0) > 0);
    for (const [name, card] of this.cards) {
      const reading = face?.readings[name];
      const state = face?.states[name];
      const detail = reading?.emotion
        ? `${percent(reading.confidence)}${state ? ` · over time: ${state}` : ""}`
        : reading?.reason ?? reading?.state.replace("_", " ") ?? (face ? "its detector sees no face here" : "no face");
      card.show(reading?.emotion ?? "–", detail, reading?.posterior, reading?.emotion);
      card.showUnits(reading?.units);
    }
    this.plane.show(face?.readings ?? {});
  }
}
