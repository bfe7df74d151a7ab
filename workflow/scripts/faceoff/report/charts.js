"use strict";
// Charts, drawn with Observable Plot and D3 when they come near. The table behind each is on the page too.
/* d3: Copyright 2010-2026 Mike Bostock. Observable Plot: Copyright 2020-2025 Observable, Inc.
Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the above copyright notice and this permission
notice appear in all copies.
THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL
THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF
CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE. */
const charts = { kinds: {} };

charts.element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

/** Plot's drawing with what a screen reader needs: one picture with a name. */
charts.plot = (figure, options) => {
  const drawn = Plot.plot({ className: "plot", width: Math.max(280, Math.min(880, figure.clientWidth || 640)), style: "background:none;overflow:visible", ...options });
  const picture = drawn.tagName === "svg" ? drawn : drawn.querySelector(":scope > svg");
  for (const part of picture.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label"); // parts of a picture have no names of their own
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", figure.dataset.label);
  return drawn;
};

/** The colour of the n-th line: eight hues after Okabe and Ito, which colour-blind readers can tell apart; they repeat beyond, where lines are broken. */
charts.colour = (index) => `var(--hue-${index % 8})`;
/** Ways of breaking a line, the first of them none. */
charts.dash = (index) => ["none", "7 3", "2 2.5", "9 3 2 3", "12 4", "9 3 2 3 2 3"][index % 6];

/** What each line looks like. lines: [{title, colour, dash}]. */
charts.key = (lines) => {
  const sample = ({ colour, dash }) => {
    const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    for (const [name, value] of Object.entries({ width: 28, height: 10, "aria-hidden": "true" })) drawn.setAttribute(name, value);
    for (const [name, value] of Object.entries({ x1: 0, x2: 28, y1: 5, y2: 5, stroke: colour, "stroke-width": 2, "stroke-dasharray": dash })) line.setAttribute(name, value);
    drawn.append(line);
    return drawn;
  };
  return charts.element("p", { className: "key" }, ...lines.map((line) => charts.element("span", {}, sample(line), line.title)));
};

charts.kinds.timeline = (figure, data) => {
  const { element } = charts;
  const pick = element("select", {}, ...data.pipelines.map(({ title }, index) => new Option(title, index)));
  const slider = element("input", { type: "range", min: 0, max: data.seconds.length - 1, value: 0 });
  slider.setAttribute("aria-label", "Moment of the clip");
  const area = element("div", { className: "area" });
  const moment = element("div", { className: "moment" });
  const picture = data.frames.length ? element("img", { width: 128, alt: "" }) : null;
  const said = element("p");
  said.setAttribute("aria-live", "polite");
  moment.append(...(picture ? [picture] : []), said);
  figure.append(element("p", { className: "tools" }, element("label", {}, "Pipeline ", pick)), element("div", { className: "screen" }, element("div", {}, area, slider), moment));
  const lines = data.emotions.map((title, index) => ({ title, colour: charts.colour(index), dash: charts.dash(Math.floor(index / 8)) }));
  let rule = null;

  /** The last stored picture up to a moment: not every moment has one of its own. */
  const frame = (index) => data.frames.slice(0, index + 1).findLast(Boolean) ?? data.frames.find(Boolean);

  function show(index) {
    slider.value = index;
    const posterior = data.pipelines[pick.value].p[index];
    const time = `${data.seconds[index].toFixed(2)} s`;
    const truth = data.truth[index] ? `, labelled ${data.truth[index]}` : "";
    const order = posterior ? d3.sort(d3.range(posterior.length), (place) => -posterior[place]).slice(0, 3) : [];
    const top = order.map((place) => `${data.emotions[place]} ${Math.round(posterior[place] / 10)}\u00a0%`).join(", ");
    said.textContent = `${time}${truth}: ${top || "no face"}`;
    slider.setAttribute("aria-valuetext", said.textContent);
    if (picture) {
      const source = frame(index);
      picture.hidden = !source;
      if (source) picture.src = source;
      picture.alt = `The clip at ${time}`;
    }
    rule?.setAttribute("transform", `translate(${rule.scale(data.seconds[index])},0)`);
  }

  function draw() {
    const { p } = data.pipelines[pick.value];
    const rows = data.seconds.flatMap((second, index) => data.emotions.map((emotion, place) => ({ second, emotion, place, value: p[index] ? p[index][place] / 10 : NaN })));
    const ends = d3.groups(rows, (row) => row.emotion).map(([emotion, group]) => [emotion, d3.mean(group, (row) => row.value || 0)]);
    const frequent = new Set(d3.sort(ends, ([, mean]) => -mean).slice(0, 8).map(([emotion]) => emotion));
    const truth = data.truth.length ? data.seconds.map((second, index) => ({ second, label: data.truth[index] })) : [];
    const plot = charts.plot(figure, {
      width: Math.max(280, area.clientWidth || 600),
      height: 230,
      marginLeft: 34,
      marginTop: 34,
      marginBottom: 34,
      x: { label: "seconds", labelAnchor: "center" },
      y: { domain: [0, 100], label: truth.length ? "probability, %; bars above: the label" : "probability, %", ticks: 5, grid: true },
      color: { domain: data.emotions, range: lines.map(({ colour }) => colour) },
      marks: [
        Plot.ruleY([0]),
        ...d3.groups(rows, ({ place }) => lines[place].dash).map(([dash, group]) =>
          Plot.lineY(group, { x: "second", y: "value", z: "emotion", stroke: "emotion", strokeDasharray: dash, strokeWidth: (row) => (frequent.has(row.emotion) ? 1.8 : 1), curve: "step-after" }),
        ),
        Plot.dot(rows, { x: "second", y: "value", fill: "emotion", r: p.length > 40 ? 0 : 1.8 }),
        ...(truth.length ? [Plot.ruleX(truth.filter(({ label }) => label), { x: "second", y1: 102, y2: 108, stroke: "label", strokeWidth: 5 })] : []),
      ],
    });
    area.replaceChildren(charts.key(lines), plot);
    const svg = area.querySelector("svg[role=img]");
    const x = plot.scale("x");
    rule = document.createElementNS("http://www.w3.org/2000/svg", "line");
    for (const [name, value] of Object.entries({ y1: 34, y2: 196, class: "now" })) rule.setAttribute(name, value);
    rule.scale = x.apply;
    svg.append(rule);
    svg.addEventListener("pointermove", (event) => {
      const [left] = d3.pointer(event, svg);
      show(d3.leastIndex(data.seconds, (a, b) => Math.abs(x.apply(a) - left) - Math.abs(x.apply(b) - left)));
    });
    show(Number(slider.value));
  }

  pick.addEventListener("change", draw);
  slider.addEventListener("input", () => show(Number(slider.value)));
  draw();
};

/** Confidence against accuracy: on the diagonal, stated probabilities are what happens. */
charts.kinds.reliability = (figure, data) => {
  const colours = { before: "var(--warm)", after: "var(--accent)" };
  figure.append(
    charts.plot(figure, {
      width: 340,
      height: 300,
      marginBottom: 36,
      x: { domain: [0, 100], label: "confidence, %", labelAnchor: "center", ticks: 5 },
      y: { domain: [0, 100], label: "accuracy, %", grid: true, ticks: 5 },
      color: { domain: ["before", "after"], range: Object.values(colours), legend: true },
      marks: [
        Plot.line([[0, 0], [100, 100]], { stroke: "var(--soft)", strokeDasharray: "3 3" }),
        Plot.ruleX(data, { x: "confidence", y1: "low", y2: "high", stroke: "stage", strokeOpacity: 0.4 }),
        Plot.line(data, { x: "confidence", y: "accuracy", stroke: "stage", z: "stage" }),
        Plot.dot(data, { x: "confidence", y: "accuracy", fill: "stage", symbol: (row) => (row.stage === "before" ? "circle" : "diamond"), r: 3.2 }),
      ],
    }),
  );
};

/** Risk against coverage of several pipelines. */
charts.kinds.risk = (figure, data) => {
  const curves = data.map(({ title, points }) => points.map(([coverage, risk]) => ({ title, coverage, risk })));
  const lines = data.map(({ title }, index) => ({ title, colour: charts.colour(index + 1), dash: charts.dash(index) }));
  const place = { x: "coverage", y: "risk", stroke: "title" };
  figure.append(
    charts.key(lines),
    charts.plot(figure, {
      height: 300,
      marginBottom: 36,
      x: { domain: [0, 100], label: "answered, % of samples", labelAnchor: "center" },
      y: { label: "wrong among the answers, %", grid: true, zero: true },
      color: { domain: lines.map(({ title }) => title), range: lines.map(({ colour }) => colour) },
      marks: [
        Plot.ruleY([0]),
        ...curves.map((curve, index) => Plot.line(curve, { ...place, strokeWidth: 1.8, strokeDasharray: lines[index].dash })),
        Plot.tip(curves.flat(), Plot.pointer({ ...place, format: { y: (value) => value.toFixed(1) } })),
      ],
    }),
  );
};

/** Accuracy against pictures per second; the front is what no other pipeline beats in both. */
charts.kinds.speed = (figure, data) => {
  const front = d3.sort(data.filter((row) => row.front), (row) => row.speed);
  // Votes of the same members share a mark, and so a label.
  const named = [...d3.group(front, (row) => `${row.speed} ${row.accuracy}`).values()].map((rows) => ({ ...rows[0], title: rows.map((row) => row.title).join(", ") }));
  figure.append(
    charts.plot(figure, {
      height: 420,
      marginLeft: 44,
      marginRight: 90,
      marginBottom: 40,
      x: { type: "log", label: "pictures per second", labelAnchor: "center", grid: true },
      y: { label: "accuracy, %", grid: true, nice: true },
      marks: [
        Plot.ruleX(data, { x: "speed", y1: "low", y2: "high", stroke: (row) => (row.fusion ? "var(--warm)" : "var(--accent)"), strokeOpacity: 0.35 }),
        Plot.line(front, { x: "speed", y: "accuracy", curve: "step-before", stroke: "var(--soft)", strokeDasharray: "4 3" }),
        Plot.dot(data, {
          x: "speed",
          y: "accuracy",
          r: 5,
          symbol: (row) => (row.fusion ? "diamond" : "circle"),
          fill: (row) => (row.fusion ? "var(--warm)" : "var(--accent)"),
          fillOpacity: (row) => (row.front ? 1 : 0.35),
          title: (row) => `${row.title}\n${row.accuracy.toFixed(1)} % at ${row.speed.toPrecision(3)} pictures/s`,
          tip: true,
        }),
        Plot.text(figure.clientWidth < 500 ? [] : named, { x: "speed", y: "accuracy", text: "title", textAnchor: "start", dx: 9, dy: -6, fontSize: 11, stroke: "var(--paper)", fill: "var(--ink)", lineWidth: 12 }),
      ],
    }),
  );
};

/** How long one picture takes, the fastest first: from the median to the 99th percentile, the mark at the 90th, the accuracy beside it. */
charts.kinds.latency = (figure, data) => {
  const narrow = figure.clientWidth < 600; // then names stand above their lines
  const colour = (row) => (row.fusion ? "var(--warm)" : "var(--accent)");
  const rows = data.map((row, place) => ({ ...row, place }));
  const right = { frameAnchor: "right", textAnchor: "end", dx: 58 };
  figure.append(
    charts.plot(figure, {
      height: 74 + data.length * (narrow ? 34 : 22),
      marginTop: 30,
      marginLeft: narrow ? 8 : 12 + 6.4 * d3.max(data, ({ title }) => Math.min(44, title.length)),
      marginRight: 62,
      marginBottom: 40,
      x: { type: "log", label: "ms for one picture", labelAnchor: "center", grid: true, nice: true, ticks: narrow ? 3 : 6, tickFormat: "~r" },
      y: { type: "band", domain: d3.range(data.length), axis: null },
      marks: [
        Plot.text(rows, {
          y: "place", text: ({ title }) => (title.length > 44 ? `${title.slice(0, 43)}…` : title), frameAnchor: "left", fill: "var(--ink)",
          ...(narrow ? { textAnchor: "start", dy: -11 } : { textAnchor: "end", dx: -8 }),
        }),
        Plot.ruleY(rows, { y: "place", x1: "p50", x2: "p99", stroke: colour, strokeOpacity: 0.45, strokeWidth: 2 }),
        Plot.tickX(rows, { y: "place", x: "p50", stroke: colour, strokeOpacity: 0.45, inset: narrow ? 13 : 7 }),
        Plot.tickX(rows, { y: "place", x: "p99", stroke: colour, strokeOpacity: 0.45, inset: narrow ? 13 : 7 }),
        Plot.dot(rows, {
          y: "place",
          x: "p90",
          r: 4.5,
          symbol: (row) => (row.fusion ? "diamond" : "circle"),
          fill: colour,
          stroke: colour,
          fillOpacity: (row) => (row.front ? 1 : 0.35),
          title: (row) => `${row.title}\n50 % within ${row.p50.toPrecision(3)} ms, 90 % within ${row.p90.toPrecision(3)} ms, 99 % within ${row.p99.toPrecision(3)} ms\naccuracy ${row.accuracy.toFixed(1)} %`,
          tip: true,
        }),
        Plot.text(["accuracy"], { ...right, frameAnchor: "top-right", dy: -18, fill: "var(--soft)" }),
        Plot.text(rows, { ...right, y: "place", text: ({ accuracy }) => `${accuracy.toFixed(1)} %`, fill: "var(--ink)" }),
      ],
    }),
  );
};

{
  const draw = (figure) => {
    if (figure.dataset.drawn) return;
    figure.dataset.drawn = "yes";
    charts.kinds[figure.dataset.chart](figure, JSON.parse(figure.querySelector("script").textContent));
  };
  const figures = [...document.querySelectorAll("figure.chart")];
  const near = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => (near.unobserve(target), draw(target))), { rootMargin: "400px" });
  figures.forEach((figure) => near.observe(figure));
  addEventListener("beforeprint", () => figures.forEach(draw));
}
