"use strict";
// Sorting, filtering, columns, and opening what a link points into. The page is complete without it.
// What was chosen stands in the address, behind the anchor: #d0-board?d0.q=yunet&d0.sort=-coverage. So it can be kept and sent.
document.documentElement.classList.add("js");

const page = { state: new Map(), restore: [] };

page.anchor = () => location.hash.slice(1).split("?")[0];
page.read = () => {
  page.state = new Map(new URLSearchParams(location.hash.split("?").slice(1).join("?")));
};
page.write = () => {
  const query = new URLSearchParams([...page.state].filter(([, value]) => value !== "")).toString();
  const hash = page.anchor() + (query ? `?${query}` : "");
  if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? `#${hash}` : location.pathname);
};
page.set = (key, value) => {
  page.state.set(key, value);
  page.write();
};
page.read();

for (const tools of document.querySelectorAll(".tools[data-table]")) {
  const table = document.getElementById(tools.dataset.table);
  const key = (name) => `${tools.dataset.key}.${name}`;
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const original = [...body.rows];
  const place = new Map(original.map((row, index) => [row, index]));
  const said = new Map(original.map((row) => [row, row.textContent.toLowerCase()]));
  const search = tools.querySelector("input[type=search]");
  const selects = [...tools.querySelectorAll("select")];
  const columns = [...tools.querySelectorAll("input[data-col]")];
  const count = tools.querySelector("output");
  const reset = tools.querySelector(".reset");
  const opening = columns.map((box) => box.checked);

  function sort(heading, direction) {
    const column = headings.indexOf(heading);
    const numeric = heading.classList.contains("n");
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const value = (row) => {
      const cell = row.cells[column];
      if (!numeric) return cell.textContent.trim();
      return cell.dataset.v === "" ? null : Number(cell.dataset.v);
    };
    // Rows without a value stay at the end, whichever way the others go.
    original
      .map((row) => [value(row), row])
      .sort(([a, x], [b, y]) => {
        if (a === null || b === null) return (a === null) - (b === null) || place.get(x) - place.get(y);
        return sign * (numeric ? a - b : a.localeCompare(b, "en")) || place.get(x) - place.get(y);
      })
      .forEach(([, row]) => body.append(row));
  }

  function filter() {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = selects.filter((select) => select.value);
    for (const row of original) {
      const named = chosen.every(({ dataset, value }) => (dataset.by === "kind" ? row.dataset.kind === value : JSON.parse(row.dataset[dataset.by]).includes(value)));
      row.hidden = !named || !wanted.every((word) => said.get(row).includes(word));
    }
    const narrowed = wanted.length || chosen.length;
    count.textContent = narrowed ? `${original.filter((row) => !row.hidden).length} of ${original.length}` : "";
    reset.hidden = !narrowed;
  }

  function switchColumns() {
    for (const box of columns) {
      const column = headings.findIndex((heading) => heading.dataset.key === box.dataset.col);
      for (const row of [table.tHead.rows[0], ...original]) row.cells[column].hidden = !box.checked;
    }
  }

  headings.forEach((heading) => {
    heading.querySelector("button").addEventListener("click", () => {
      const now = heading.getAttribute("aria-sort");
      // Ranks, losses and words start with the smallest, scores with the largest.
      const small = !heading.classList.contains("n") || heading.classList.contains("small");
      const direction = now ? (now === "ascending" ? "descending" : "ascending") : small ? "ascending" : "descending";
      sort(heading, direction);
      page.set(key("sort"), heading.dataset.key === "rank" && direction === "ascending" ? "" : (direction === "ascending" ? "" : "-") + heading.dataset.key);
    });
  });
  search.addEventListener("input", () => (filter(), page.set(key("q"), search.value)));
  selects.forEach((select) => select.addEventListener("change", () => (filter(), page.set(key(select.dataset.by), select.value))));
  columns.forEach((box) =>
    box.addEventListener("change", () => {
      switchColumns();
      const changed = columns.some((other, index) => other.checked !== opening[index]);
      page.set(key("columns"), changed ? columns.filter((other) => other.checked).map((other) => other.dataset.col).join(",") || "none" : "");
    }),
  );
  reset.addEventListener("click", () => {
    for (const field of [search, ...selects]) field.value = "";
    ["q", ...selects.map((select) => select.dataset.by)].forEach((name) => page.state.delete(key(name)));
    filter();
    page.write();
    search.focus();
  });

  page.restore.push(() => {
    search.value = page.state.get(key("q")) ?? "";
    for (const select of selects) select.value = page.state.get(key(select.dataset.by)) ?? "";
    const shown = page.state.get(key("columns"))?.split(",");
    columns.forEach((box, index) => (box.checked = shown ? shown.includes(box.dataset.col) : opening[index]));
    const order = page.state.get(key("sort")) || "rank";
    const heading = headings.find((other) => other.dataset.key === order.replace("-", ""));
    if (heading) sort(heading, order.startsWith("-") ? "descending" : "ascending");
    for (const select of selects) if (select.selectedIndex < 0) select.value = "";
    filter();
    switchColumns();
  });
}

const dataset = document.getElementById("dataset");
if (dataset) {
  const show = () => {
    for (const part of document.querySelectorAll("[data-dataset]")) part.hidden = dataset.value !== "" && part.dataset.dataset !== dataset.value;
  };
  dataset.addEventListener("change", () => (show(), page.set("dataset", dataset.value)));
  page.restore.push(() => {
    dataset.value = page.state.get("dataset") ?? "";
    if (dataset.selectedIndex < 0) dataset.value = "";
    show();
  });
}

/** Open the panel, and what it lies in, that the address points into. */
function openTarget() {
  const target = document.getElementById(page.anchor());
  if (!target) return;
  for (let around = target; around; around = around.parentElement) if (around instanceof HTMLDetailsElement) around.open = true;
  target.scrollIntoView();
  if (target instanceof HTMLDetailsElement) target.querySelector("summary").focus({ preventScroll: true });
}
// A link within the page has only its anchor: what was chosen before is written behind it again.
addEventListener("hashchange", () => {
  if (location.hash.includes("?")) {
    page.read();
    page.restore.forEach((restore) => restore());
  } else page.write();
  openTarget();
});
page.restore.forEach((restore) => restore());
openTarget();

// On paper nothing can be unfolded, so all is, but the configuration, the menus and the pipelines beyond the first.
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("details:not([open], .pipeline, .pipeline details, .config, .menu)")];
  unfolded.forEach((details) => (details.open = true));
});
addEventListener("afterprint", () => unfolded.forEach((details) => (details.open = false)));

// A table that is wider than its box says that it can be scrolled.
{
  const boxes = [...document.querySelectorAll(".scroll")];
  for (const box of boxes) {
    const cue = document.createElement("p");
    cue.className = "cue";
    cue.textContent = "Scroll sideways for more →";
    cue.setAttribute("aria-hidden", "true"); // the box is a region with a name, and takes the arrow keys
    box.prepend(cue);
  }
  const look = () => boxes.forEach((box) => box.classList.toggle("wider", box.scrollWidth > box.clientWidth + 1));
  const watch = new ResizeObserver(look);
  for (const box of boxes) {
    watch.observe(box);
    for (const table of box.querySelectorAll("table")) watch.observe(table);
  }
  look();
}
