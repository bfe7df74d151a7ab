// The socket of docs/live.md: one frame is under way at a time.

export class Link {
  // heard: is called with each answer of a frame, and with null once the socket has ended.
  constructor(greeting, heard) {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(`${scheme}//${location.host}/v1/live`);
    this.socket.binaryType = "arraybuffer";
    this.reason = null; // why it ended, in words
    this.ready = new Promise((resolve) => {
      this.socket.addEventListener("open", () => this.socket.send(JSON.stringify(greeting)));
      this.socket.addEventListener("message", ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === "ready") resolve(message);
        else if (message.type === "error" && !this.isReady) this.reason = message.reason;
        else heard(message);
        this.isReady ||= message.type === "ready";
      });
      this.socket.addEventListener("close", ({ code, reason }) => {
        this.reason ??= reason || (code === 1006 ? "the server does not answer" : `code ${code}`);
        resolve(null);
        heard(null);
      });
    });
  }

  get isOpen() {
    return this.isReady && this.socket.readyState === WebSocket.OPEN;
  }

  // sent: ms of this page's clock.
  async send(sent, jpeg) {
    const message = new Uint8Array(8 + jpeg.size);
    new DataView(message.buffer).setFloat64(0, sent, true);
    message.set(new Uint8Array(await jpeg.arrayBuffer()), 8);
    if (this.isOpen) this.socket.send(message);
  }

  close() {
    this.socket.close();
  }
}
