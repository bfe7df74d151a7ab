"use strict";
// Faces by pipeline, label and prediction; a number of a confusion matrix leads to its own faces.

for (const gallery of document.querySelectorAll(".gallery")) {
  const key = gallery.id.replace("-gallery", "");
  const grid = gallery.querySelector(".grid");
  const output = gallery.querySelector("output");
  const field = (name) => gallery.querySelector(`select[data-gallery=${name}]`);
  const most = 48; // faces at once
  let store = null;

  /** The pictures are large: they are read when first wanted. */
  function faces() {
    store ??= JSON.parse(gallery.querySelector("script").textContent);
    return store;
  }

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  function outcome([, truth, predicted]) {
    return truth < 0 ? "" : truth === predicted ? "right" : "wrong";
  }

  function card(face) {
    const { images, labels } = faces();
    const [picture, truth, predicted, confidence, sample] = face;
    const name = (index) => labels[index] ?? "";
    const shown = element("img", { src: images[picture], width: 92, height: 92, title: sample });
    shown.alt = truth < 0 ? `Face predicted ${name(predicted)}` : `Face labelled ${name(truth)}, predicted ${name(predicted)}`;
    const said = element("span");
    if (outcome(face) === "wrong") said.append(name(truth), element("br"), element("b", {}, `→\u00a0${name(predicted)}`));
    else said.append(name(predicted));
    said.append(element("br"), element("small", {}, `${confidence}\u00a0%`));
    return element("li", { className: outcome(face) }, shown, said);
  }

  function list(found) {
    return element("ul", { className: "cards" }, ...found.slice(0, most).map(card));
  }

  function choose() {
    const { pipelines, labels } = faces();
    const pipeline = pipelines[field("pipeline").value];
    const asked = (name) => field(name)?.value ?? "";
    const found = pipeline.faces.filter(
      (face) =>
        (asked("truth") === "" || labels[face[1]] === asked("truth")) &&
        (asked("predicted") === "" || labels[face[2]] === asked("predicted")) &&
        (asked("outcome") === "" || outcome(face) === asked("outcome")),
    );
    grid.replaceChildren(found.length ? list(found) : element("p", { className: "none" }, "No such face was kept."));
    output.textContent = `${Math.min(found.length, most)} of ${found.length} faces kept`;
  }

  function fill() {
    if (field("pipeline").options.length) return;
    const { pipelines, labels } = faces();
    pipelines.forEach((pipeline, index) => field("pipeline").append(new Option(pipeline.title, index)));
    for (const name of ["truth", "predicted"]) for (const label of [...labels].sort()) field(name)?.append(new Option(label, label));
  }

  for (const select of gallery.querySelectorAll("select")) select.addEventListener("change", choose);
  // Options and faces are made when the gallery comes near, so that a page of many pipelines opens at once.
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    fill();
  }, { rootMargin: "600px" }).observe(gallery);

  /** Make numbers of a panel's confusion matrix that have faces into buttons. */
  function prepare(panel) {
    const { pipelines, labels } = faces();
    const pipeline = pipelines.find(({ id }) => id === panel.id);
    if (!pipeline || panel.dataset.ready) return;
    panel.dataset.ready = "yes";
    const matrix = panel.querySelector(".matrix");
    const area = panel.querySelector(".shown");
    const columns = [...matrix.tHead.rows[0].cells].map((cell) => cell.textContent);
    for (const row of matrix.tBodies[0].rows) {
      const truth = row.cells[0].textContent;
      [...row.cells].forEach((cell, index) => {
        const found = index ? pipeline.faces.filter((face) => labels[face[1]] === truth && labels[face[2]] === columns[index]) : [];
        if (!found.length) return;
        const button = element("button", { type: "button" }, ...cell.childNodes);
        const what = truth === columns[index] ? `${truth}, recognised` : `${truth} taken for ${columns[index]}`;
        button.setAttribute("aria-label", `${button.textContent} × ${what}: show faces`);
        button.setAttribute("aria-pressed", "false");
        cell.append(button);
        button.addEventListener("click", () => {
          const open = button.getAttribute("aria-pressed") === "true";
          for (const other of matrix.querySelectorAll("button[aria-pressed=true]")) other.setAttribute("aria-pressed", "false");
          area.hidden = open;
          if (open) return;
          button.setAttribute("aria-pressed", "true");
          area.replaceChildren(element("p", { className: "who" }, `${what}: ${found.length} of ${button.textContent} faces`), list(found));
        });
      });
    }
  }

  for (const panel of document.querySelectorAll(`#${CSS.escape(key)} details.pipeline`)) {
    if (panel.open) requestAnimationFrame(() => prepare(panel));
    panel.addEventListener("toggle", () => panel.open && prepare(panel));
  }
}
