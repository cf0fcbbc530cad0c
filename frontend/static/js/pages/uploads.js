// Sends files piece by piece (tus 1.0). Each file's address is remembered by its name, size and time, so that a broken
// connection, or the same file dropped again after a reload, goes on where it stopped.
import { EtaMeter, say, sizeOf } from "./amounts.js";

const PIECE = 8 * 1024 * 1024;
const AT_ONCE = 2;
const LONGEST_PAUSE = 30_000;

const form = /** @type {HTMLFormElement} */ (document.getElementById("upload"));
const drop = /** @type {HTMLElement} */ (document.getElementById("drop"));
const chooser = /** @type {HTMLInputElement} */ (document.getElementById("files"));
const rows = /** @type {HTMLElement} */ (document.getElementById("now-rows"));
const panel = /** @type {HTMLElement} */ (document.getElementById("now-panel"));
const sum = /** @type {HTMLElement} */ (document.getElementById("now-sum"));
const address = form.dataset.address ?? "";

/** @returns {Record<string, string>} */
function always() {
  const csrf = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
  return { ...csrf, "Tus-Resumable": "1.0.0" };
}

/** An answer that trying again will not change. */
class Refusal extends Error {}

/** The upload is gone from the server, so it starts anew. */
class Gone extends Error {}

/** @param {string} text */
function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** @param {Response} answer */
async function sentence(answer) {
  try {
    return (await answer.json()).error.message;
  } catch {
    return `The server answered ${answer.status}.`;
  }
}

/** One file on its way. */
class Sending {
  /** @type {AbortController | null} */
  #request = null;
  #eta = new EtaMeter();
  offset = 0;
  /** @type {"waiting" | "sending" | "pausing" | "sent" | "refused" | "cancelled"} */
  state = "waiting";

  /** @param {File} file */
  constructor(file) {
    this.file = file;
    this.key = `loupe-upload ${address} ${file.name} ${file.size} ${file.lastModified}`;
    this.row = document.createElement("tr");
    this.row.innerHTML =
      '<td></td><td class="num"></td><td><span class="meter"><progress max="1" value="0"></progress><span></span></span></td><td class="num"><button type="button" class="button quiet small">Cancel</button></td>';
    const [name, size] = this.row.querySelectorAll("td");
    name.textContent = file.name;
    size.textContent = sizeOf(file.size);
    this.row.querySelector("progress")?.setAttribute("aria-label", `Sending ${file.name}`);
    this.row.querySelector("button")?.addEventListener("click", () => this.cancel());
    this.show("waiting");
  }

  /** @param {string} words */
  show(words) {
    const bar = /** @type {HTMLProgressElement} */ (this.row.querySelector("progress"));
    bar.value = this.file.size ? this.offset / this.file.size : 0;
    const said = /** @type {HTMLElement} */ (this.row.querySelector(".meter span"));
    said.textContent = words;
    said.classList.toggle("red-ink", this.state === "refused");
    if (["sent", "refused", "cancelled"].includes(this.state)) this.row.querySelector("button")?.remove();
    summarise();
  }

  async run() {
    let pause = 1000;
    while (this.state !== "cancelled") {
      try {
        this.state = "sending";
        const place = await this.#place();
        await this.#send(place, () => {
          pause = 1000;
        });
        localStorage.removeItem(this.key);
        this.state = "sent";
        this.show("received; inspected below");
        return;
      } catch (error) {
        if (this.#over(error)) return;
        this.state = "pausing";
        this.show(`connection lost at ${sizeOf(this.offset)}; trying again`);
        await new Promise((resolve) => setTimeout(resolve, pause));
        pause = Math.min(pause * 2, LONGEST_PAUSE);
      }
    }
  }

  /**
   * @param {unknown} error
   * @returns {boolean} whether there is nothing more to try
   */
  #over(error) {
    if (this.state === "cancelled") return true;
    if (error instanceof Gone) localStorage.removeItem(this.key);
    if (!(error instanceof Refusal)) return false;
    localStorage.removeItem(this.key);
    this.state = "refused";
    this.show(error.message);
    return true;
  }

  /** @returns {Promise<string>} where the pieces go, with `offset` set to what has arrived */
  async #place() {
    const known = localStorage.getItem(this.key);
    if (known) {
      const answer = await fetch(known, { method: "HEAD", headers: always() });
      if (answer.ok) {
        this.offset = Number(answer.headers.get("Upload-Offset"));
        return known;
      }
      if (answer.status < 500) throw new Gone();
      throw new Error();
    }
    const about = [...new FormData(form)].filter(
      ([name, value]) => name !== "files" && typeof value === "string" && value.trim(),
    );
    const metadata = [["filename", this.file.name], ...about].map(
      ([name, value]) => `${name} ${base64(String(value))}`,
    );
    const answer = await fetch(address, {
      method: "POST",
      headers: { ...always(), "Upload-Length": String(this.file.size), "Upload-Metadata": metadata.join(",") },
    });
    if (!answer.ok) throw answer.status < 500 ? new Refusal(await sentence(answer)) : new Error();
    this.offset = 0;
    const place = new URL(answer.headers.get("Location") ?? "", location.href).pathname;
    localStorage.setItem(this.key, place);
    return place;
  }

  /**
   * @param {string} place
   * @param {() => void} went called after each piece that arrived
   */
  async #send(place, went) {
    this.show(say(this.offset, this.file.size, null));
    while (this.offset < this.file.size) {
      this.#request = new AbortController();
      const answer = await fetch(place, {
        method: "PATCH",
        headers: {
          ...always(),
          "Content-Type": "application/offset+octet-stream",
          "Upload-Offset": String(this.offset),
        },
        body: this.file.slice(this.offset, this.offset + PIECE),
        signal: this.#request.signal,
      });
      if (answer.status === 404 || answer.status === 410) throw new Gone();
      if (answer.status === 409 || answer.status >= 500) throw new Error();
      if (!answer.ok) throw new Refusal(await sentence(answer));
      this.offset = Number(answer.headers.get("Upload-Offset"));
      went();
      this.show(say(this.offset, this.file.size, this.#eta.left(this.offset, this.file.size)));
    }
  }

  cancel() {
    this.state = "cancelled";
    this.#request?.abort();
    const place = localStorage.getItem(this.key);
    localStorage.removeItem(this.key);
    if (place) fetch(place, { method: "DELETE", headers: always() }).catch(() => {});
    this.show("cancelled");
  }
}

/** @type {Sending[]} */
const all = [];
let running = 0;

function summarise() {
  const sent = all.filter((each) => each.state === "sent").length;
  sum.textContent = `${sent} of ${all.length} received`;
}

function next() {
  while (running < AT_ONCE) {
    const waiting = all.find((each) => each.state === "waiting");
    if (!waiting) return;
    running += 1;
    waiting.run().finally(() => {
      running -= 1;
      next();
    });
  }
}

/** @param {Iterable<File>} files */
function add(files) {
  for (const file of files) {
    if (
      all.some(
        (each) =>
          each.key === `loupe-upload ${address} ${file.name} ${file.size} ${file.lastModified}` &&
          each.state === "sending",
      )
    )
      continue;
    const sending = new Sending(file);
    all.push(sending);
    rows.append(sending.row);
  }
  panel.hidden = all.length === 0;
  summarise();
  next();
}

chooser.addEventListener("change", () => {
  add(chooser.files ?? []);
  chooser.value = "";
});
form.addEventListener("submit", (event) => event.preventDefault());
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  add(event.dataTransfer?.files ?? []);
});
// A file dropped beside the zone must not replace the page.
for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
window.addEventListener("beforeunload", (event) => {
  if (all.some((each) => each.state === "sending" || each.state === "pausing")) event.preventDefault();
});
