// What was answered while the page recorded, as JSON and as a table.

const MOST = 20000; // frames: half an hour or so; then the recording ends

export class Recording {
  constructor(pipelines, rule, emotions) {
    Object.assign(this, { pipelines, rule, emotions, frames: [] });
  }

  // worse: what was done to the picture on this page. Returns whether there is room for more.
  add(answer, worse, truth) {
    this.frames.push({ ...answer, source: { face_side: worse.side, corruptions: [...worse.kinds], drawn: truth } });
    return this.frames.length < MOST;
  }

  json() {
    const about = "how faces are perceived, not what is felt";
    return JSON.stringify({ about, pipelines: this.pipelines, temporal: this.rule, frames: this.frames }, null, 1);
  }

  // One row per frame, face and pipeline; a frame without a face has a row with success 0.
  csv() {
    const emotions = this.emotions.map((name) => `p_${name}`);
    const head = ["frame", "timestamp", "face_id", "success", "state", "x", "y", "w", "h", "score", "pipeline", ...emotions,
      "emotion", "confidence", "valence", "arousal", "rule_state", "vote", "disagreement", "face_side", "corruptions", "drawn"];
    const lines = [head];
    const start = this.frames[0]?.sent ?? 0;
    for (const { frame, sent, faces, source } of this.frames) {
      const seconds = ((sent - start) / 1000).toFixed(3);
      const end = [source.face_side, source.corruptions.join("+"), source.drawn];
      if (!faces.length) lines.push([frame, seconds, null, 0, "no_face", ...Array(head.length - 8).fill(null), ...end]);
      for (const face of faces) {
        for (const [name, reading] of Object.entries(face.readings)) {
          const shares = this.emotions.map((emotion) => reading.posterior?.[emotion]);
          lines.push([frame, seconds, face.track, Number(reading.state === "ok"), reading.state, ...face.box, face.score, name, ...shares,
            reading.emotion, reading.confidence, reading.valence, reading.arousal,
            face.states[name], face.vote?.emotion, face.disagreement, ...end]);
        }
      }
    }
    return lines.map((line) => `${line.map(cell).join(",")}\r\n`).join("");
  }
}

function cell(value) {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
