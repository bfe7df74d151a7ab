// Sources of pictures. Each has `size()` [width, height] or null while there is nothing yet,
// `draw(context, width, height)`, `truth()` (an emotion, or null), `still`, and `close()`.

const CAMERA = {
  NotAllowedError: "The camera is not allowed here. Allow it in the browser’s address bar, then press Camera again.",
  NotFoundError: "There is no camera. Take a picture or video file, or the drawn face.",
  OverconstrainedError: "There is no camera that fits. Take a picture or video file, or the drawn face.",
  NotReadableError: "Another program holds the camera. Close it, then press Camera again.",
};

export class SourceError extends Error {}

function ofVideo(video, close) {
  return {
    still: false,
    size: () => (video.readyState >= 2 && video.videoWidth ? [video.videoWidth, video.videoHeight] : null),
    draw: (context, width, height) => context.drawImage(video, 0, 0, width, height),
    truth: () => null,
    pause: (paused) => (paused ? video.pause() : video.play().catch(() => {})),
    close,
  };
}

function silentVideo() {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  return video;
}

export async function camera() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new SourceError("A browser gives the camera to pages of https:// or of 127.0.0.1 only. Put a proxy that speaks TLS before the server, or take a file.");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { width: { ideal: 640 }, height: { ideal: 480 } } });
  } catch (error) {
    throw new SourceError(CAMERA[error.name] ?? `The camera cannot be had: ${error.name}.`);
  }
  const video = silentVideo();
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  video.srcObject = stream;
  try {
    await video.play();
  } catch (error) {
    stop();
    throw new SourceError(`The camera gives no picture: ${error.name}.`);
  }
  const source = ofVideo(video, stop);
  stream.getVideoTracks()[0].addEventListener("ended", () => source.onlost?.());
  return source;
}

function loaded(element, event, url) {
  return new Promise((resolve, reject) => {
    element.addEventListener(event, resolve, { once: true });
    element.addEventListener("error", reject, { once: true });
    element.src = url;
  });
}

function ofImage(image, close) {
  return {
    still: true,
    size: () => [image.naturalWidth, image.naturalHeight],
    draw: (context, width, height) => context.drawImage(image, 0, 0, width, height),
    truth: () => null,
    pause: () => {},
    close,
  };
}

export async function file(chosen) {
  const url = URL.createObjectURL(chosen);
  const close = () => URL.revokeObjectURL(url);
  const image = new Image();
  const video = silentVideo();
  try {
    if (chosen.type.startsWith("video/")) {
      video.loop = true;
      await loaded(video, "loadeddata", url);
      await video.play();
      return ofVideo(video, () => { video.pause(); close(); });
    }
    await loaded(image, "load", url);
    return ofImage(image, close);
  } catch {
    close();
    throw new SourceError(`The browser cannot open “${chosen.name}” as a picture or a video.`);
  }
}

export async function drawn(clip) {
  const image = new Image();
  try {
    await loaded(image, "load", "/static/drawn.jpg");
  } catch {
    throw new SourceError("The server did not give the drawn face.");
  }
  const { width, height, columns, fps, emotions } = clip;
  const began = performance.now();
  let [held, away] = [null, 0]; // ms of the clip at which it is held; ms for which it was
  const now = () => performance.now() - began - away;
  let place = 0;
  return {
    still: false,
    size: () => [width, height],
    draw(context, toWidth, toHeight) {
      place = Math.floor(((held ?? now()) / 1000) * fps) % emotions.length;
      const [x, y] = [(place % columns) * width, Math.floor(place / columns) * height];
      context.drawImage(image, x, y, width, height, 0, 0, toWidth, toHeight);
    },
    truth: () => emotions[place],
    pause(paused) {
      if (paused) held ??= now();
      else if (held !== null) [away, held] = [away + now() - held, null];
    },
    close: () => {},
  };
}
