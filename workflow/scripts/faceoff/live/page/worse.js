// Corruptions of a canvas, so that a person feels where a pipeline breaks. They are close to the
// benchmark's (docs/corruptions.md) but not the same to the bit: these are on this page only.

export const SIDES = [null, 112, 80, 56, 40, 28, 20, 14]; // px of a face's longer side

const DARK = 0.3; // share of the light that is left
const NOISE = 36; // standard deviation in grey levels
const spare = document.createElement("canvas");

// Shrink the picture until a face of `face` px is `side` px, and enlarge it again.
function coarser(canvas, context, face, side) {
  const scale = side / face;
  if (scale >= 1) return;
  const [width, height] = [canvas.width, canvas.height].map((value) => Math.max(1, Math.round(value * scale)));
  [spare.width, spare.height] = [width, height];
  const small = spare.getContext("2d");
  small.imageSmoothingQuality = "high";
  small.drawImage(canvas, 0, 0, width, height);
  context.drawImage(spare, 0, 0, width, height, 0, 0, canvas.width, canvas.height);
}

// The running mean of 2 radius + 1 pixels in a row or column, in place; the border's pixel goes on
// outside. step, count: from pixel to pixel of a line; across, lines: from line to line.
function smoothed(data, radius, [step, count], [across, lines]) {
  const line = new Float32Array(count);
  const weight = 1 / (2 * radius + 1);
  for (let number = 0; number < lines; number += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      const start = number * across + channel;
      for (let at = 0; at < count; at += 1) line[at] = data[start + at * step];
      const clamped = (at) => line[Math.min(Math.max(at, 0), count - 1)];
      let sum = 0;
      for (let at = -radius; at <= radius; at += 1) sum += clamped(at);
      for (let at = 0; at < count; at += 1) {
        data[start + at * step] = sum * weight;
        sum += clamped(at + radius + 1) - clamped(at - radius);
      }
    }
  }
}

// Two running means after another along each axis: a triangle, near to a Gaussian.
function blurred(canvas, context, radius) {
  const { width, height } = canvas;
  const picture = context.getImageData(0, 0, width, height);
  const data = Float32Array.from(picture.data);
  const [row, column] = [[4, width], [4 * width, height]];
  for (let pass = 0; pass < 2; pass += 1) {
    smoothed(data, radius, row, column);
    smoothed(data, radius, column, row);
  }
  picture.data.set(data);
  context.putImageData(picture, 0, 0);
}

function changed(canvas, context, kinds) {
  const picture = context.getImageData(0, 0, canvas.width, canvas.height);
  const { data } = picture;
  const light = kinds.has("dark") ? DARK : 1;
  for (let at = 0; at < data.length; at += 4) {
    let [red, green, blue] = [data[at], data[at + 1], data[at + 2]];
    if (kinds.has("grey")) red = green = blue = 0.299 * red + 0.587 * green + 0.114 * blue; // BT.601
    // The sum of four uniform numbers is nearly normal, with a variance of 4 / 12.
    const noise = kinds.has("noise")
      ? NOISE * Math.sqrt(3) * (Math.random() + Math.random() + Math.random() + Math.random() - 2)
      : 0;
    data[at] = light * red + noise;
    data[at + 1] = light * green + noise;
    data[at + 2] = light * blue + noise;
  }
  context.putImageData(picture, 0, 0);
}

// face: the longer side of the largest face, in px of the canvas; null where none was seen yet.
export function worsen(canvas, context, { side, kinds }, face) {
  if (kinds.has("blur")) blurred(canvas, context, Math.max(1, Math.round((face ?? canvas.height / 2) / 24)));
  if (["grey", "dark", "noise"].some((kind) => kinds.has(kind))) changed(canvas, context, kinds);
  if (side && face) coarser(canvas, context, face, side);
}
