"use strict";
// Sorting, filtering, and opening what a link points into. The page is complete without it.

for (const table of document.querySelectorAll("table.board")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const original = [...body.rows];
  const place = new Map(original.map((row, index) => [row, index]));

  headings.forEach((heading, column) => {
    const numeric = heading.classList.contains("n");
    heading.querySelector("button").addEventListener("click", () => {
      const now = heading.getAttribute("aria-sort");
      // Ranks and losses start with the smallest, scores with the largest.
      const smallFirst = !numeric || /#|loss|ECE/.test(heading.textContent);
      const direction = now ? (now === "ascending" ? "descending" : "ascending") : smallFirst ? "ascending" : "descending";
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
    });
  });
}

for (const input of document.querySelectorAll("input[data-filter]")) {
  const rows = [...document.getElementById(input.dataset.filter).tBodies[0].rows];
  const count = document.querySelector(`output[data-count="${input.dataset.filter}"]`);
  const words = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) row.hidden = !wanted.every((word) => words.get(row).includes(word));
    count.textContent = wanted.length ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
  });
}

function openTarget() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}
addEventListener("hashchange", openTarget);
openTarget();

// On paper nothing can be unfolded, so all is, but the configuration and the confusion matrices beyond the first.
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("details:not([open], .pipeline, .config)")];
  unfolded.forEach((details) => (details.open = true));
});
addEventListener("afterprint", () => unfolded.forEach((details) => (details.open = false)));
