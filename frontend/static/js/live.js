// Live pages: the server only says that a thing changed; whoever shows it fetches it again.
// An element with hx-trigger="live-clip from:body" (or live-clip-7) refreshes itself. After a broken connection everything
// refreshes once, because news may have been missed.

const KINDS = ["upload", "clip", "run", "task", "flag", "delivery", "propagation"];
const LONGEST_PAUSE = 15_000;
// Longer than any throttle that a page asks of htmx, which drops what comes within it, the last news of a burst too.
const SETTLED = 3_200;

/** @type {Map<string, ReturnType<typeof setTimeout>>} */
const settling = new Map();

/**
 * Tell at once, and once more when nothing new has come for a while: what a page shows last is how things stand.
 *
 * @param {string} name
 */
function tell(name) {
  document.body.dispatchEvent(new CustomEvent(name));
  clearTimeout(settling.get(name));
  settling.set(
    name,
    setTimeout(() => document.body.dispatchEvent(new CustomEvent(name)), SETTLED),
  );
}

/**
 * Follow a project's news.
 * @param {string | undefined} path of the WebSocket, such as /ws/projects/demo/
 */
export function follow(path) {
  if (!path) return;
  let pause = 500;
  let missed = false;

  function connect() {
    const address = new URL(/** @type {string} */ (path), location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    socket.addEventListener("open", () => {
      pause = 500;
      if (missed) for (const kind of KINDS) tell(`live-${kind}`);
      missed = false;
    });
    socket.addEventListener("message", (event) => {
      /** @type {{kind: string, id: string}} */
      const news = JSON.parse(event.data);
      tell(`live-${news.kind}`);
      tell(`live-${news.kind}-${news.id}`);
    });
    socket.addEventListener("close", (event) => {
      // 4403: not (any longer) in this project.
      if (event.code === 4403) return;
      missed = true;
      setTimeout(connect, pause * (0.8 + Math.random() * 0.4));
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    });
  }

  connect();
}

// Rows that a table shows before one scrolls; see WINDOW in frontend/rows.py.
const WINDOW = 40;

/**
 * A refresh must not take away what somebody is reading: a list that was scrolled on keeps its rows until the page is
 * loaded again, and a row that had the focus gets it back.
 */
export function keepReadersPlace() {
  let focused = "";
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, requestConfig } = /** @type {CustomEvent} */ (event).detail;
    const isNews = requestConfig?.triggeringEvent?.type?.startsWith("live-");
    if (isNews && elt.querySelectorAll("tbody tr").length > WINDOW + 1) event.preventDefault();
  });
  document.body.addEventListener("htmx:beforeSwap", () => {
    const at = document.activeElement;
    focused = at instanceof HTMLAnchorElement && at.matches(".lead") ? (at.getAttribute("href") ?? "") : "";
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    if (!focused || document.activeElement !== document.body) return;
    const row = document.querySelector(`a.lead[href="${CSS.escape(focused)}"]`);
    if (row instanceof HTMLElement) row.focus({ preventScroll: true });
  });
}
