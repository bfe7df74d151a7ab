// Small helpers to build parts of the page. Text is always set as text, never as HTML.

export const byId = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const space = ["svg", "circle", "line", "rect", "text"].includes(tag) ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml";
  const element = document.createElementNS(space, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// The colour of an emotion as the report has it, by its place in the list of all.
export const hue = (emotions, name) => getComputedStyle(document.documentElement).getPropertyValue(`--hue-${emotions.indexOf(name)}`).trim() || "gray";

export const percent = (share) => `${Math.round(100 * share)} %`;
