// Boxes, points and names over the picture that was read.

import { hue } from "./dom.js";

const named = (face) => face.vote?.emotion ?? Object.values(face.readings)[0]?.state.replace("_", " ") ?? "";

export function overlay(context, faces, emotions, chosen) {
  const unit = context.canvas.width / 320;
  context.lineJoin = "round";
  context.font = `600 ${11 * unit}px sans-serif`;
  for (const face of faces) {
    const [x, y, width, height] = face.box;
    const colour = hue(emotions, face.vote?.emotion);
    for (const [stroke, line] of [["rgb(0 0 0 / 0.6)", 4], [colour, 2]]) {
      context.strokeStyle = stroke;
      context.lineWidth = unit * (face.track === chosen ? line : line * 0.6);
      context.strokeRect(x, y, width, height);
    }
    for (const [left, top] of face.landmarks ?? []) {
      context.beginPath();
      context.arc(left, top, 1.8 * unit, 0, 2 * Math.PI);
      context.fillStyle = "#fff";
      context.fill();
      context.lineWidth = 0.6 * unit;
      context.strokeStyle = "#000";
      context.stroke();
    }
    const label = `${face.track} · ${named(face)}`;
    const wide = context.measureText(label).width + 8 * unit;
    const left = Math.min(Math.max(x, 0), context.canvas.width - wide);
    const top = y > 16 * unit ? y - 16 * unit : Math.min(y + height, context.canvas.height - 16 * unit);
    context.fillStyle = "rgb(0 0 0 / 0.72)";
    context.fillRect(left, top, wide, 16 * unit);
    context.fillStyle = "#fff";
    context.fillText(label, left + 4 * unit, top + 12 * unit);
  }
}
