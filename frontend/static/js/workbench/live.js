/** What others do with the task while it is open here. News only says that a thing changed; what stands is fetched. */

import { get } from "../api.js";
import { standsAs } from "../models/sameness.js";
import { fromRows } from "../models/work.js";

/** @typedef {import("./bench.js").Bench} Bench */

const SETTLED = 250; // ms: a burst of news is one look

/**
 * Steps that somebody overtook can't be undone: going back would write over what they made.
 *
 * @param {Bench} bench
 */
export function forgetOvertaken(bench) {
  const { steps, things } = bench.history.reconcile((thing, expected) => standsAs(bench.work, thing, expected));
  bench.emit("history");
  if (!steps) return;
  const names = [...new Set(things.map((thing) => nameOf(bench, thing)))];
  const what = names.length > 2 ? `${names.slice(0, 2).join(", ")} and more` : names.join(" and ");
  bench.say(
    `${steps === 1 ? "1 step" : `${steps} steps`} can no longer be undone: ${what} came to stand otherwise meanwhile.`,
    "warning",
  );
}

/**
 * @param {Bench} bench
 * @param {import("../models/history.js").Thing} thing
 */
function nameOf(bench, { kind, id }) {
  if (kind === "segments") return "a segment";
  const track = kind === "masks" ? (bench.work.get("masks", id)?.track ?? null) : id;
  const number = bench.work.get("tracks", track)?.number;
  return number === undefined ? "an object" : `object ${number}`;
}

/** @param {Bench} bench */
const isBusy = (bench) => bench.outbox.unsaved > 0 || bench.live !== null;

/**
 * The task's work, when it is newer than what stands here.
 *
 * @param {Bench} bench
 * @param {boolean} whole not asking first whether it is newer
 * @returns {Promise<any>} null: there is nothing to take up now
 */
async function newer({ task }, whole) {
  if (!whole) {
    // Most news is the echo of this page's own saves, and a task's whole work may be megabytes.
    const now = await get(`tasks/${task.id}/`).catch(() => null);
    if (!now || now.version <= task.version) return null;
  }
  const fresh = await get(`tasks/${task.id}/work/?masks=rows`)
    .then(fromRows)
    .catch(() => null);
  return fresh && fresh.version >= task.version ? fresh : null;
}

/** @param {Bench} bench */
async function refreshProposals(bench) {
  const proposed = await get(`tasks/${bench.task.id}/proposals/`).catch(() => null);
  if (!proposed || bench.outbox.unsaved) return;
  bench.proposals.replace(proposed.items);
  bench.emit("proposals");
}

/** @param {Bench} bench */
export function bindLive(bench) {
  const { outbox, task } = bench;
  let asked = false;
  let timer = 0;
  /** Fetch what stands, unless something here is still on its way: then once it has arrived. */
  const look = async () => {
    if (isBusy(bench)) return;
    const fresh = await newer(bench, asked);
    if (!fresh || isBusy(bench)) return;
    asked = false;
    task.version = fresh.version;
    outbox.learn([...fresh.tracks, ...fresh.masks, ...fresh.segments, ...fresh.gone]);
    bench.work.replace(fresh);
    forgetOvertaken(bench);
    await refreshProposals(bench);
  };
  const lookSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(look, SETTLED);
  };
  bench.on("refetch", () => {
    asked = true;
    lookSoon();
  });
  // What was missed while something was on its way, or while a stroke was being drawn.
  outbox.on("drained", lookSoon);
  outbox.on("saved", ({ entry, answer }) => {
    task.version = Math.max(task.version, answer?.task_version ?? 0);
    // An object that was brought back has masks which this page, opened while it was erased, has never seen.
    const revived = entry.kind === "tracks" && !entry.body.deleted && (answer?.version ?? 0) > 1;
    if (revived && !bench.work.framesOf(entry.id).length) bench.emit("refetch");
  });
  follow(bench, lookSoon);
}

/**
 * @param {Bench} bench
 * @param {() => void} lookSoon
 */
function follow(bench, lookSoon) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  let wait = 1000;
  let missed = false;
  /** @type {Record<string, (id: string, people: any) => void>} */
  const news = {
    people: (_, people) => bench.emit("people", people),
    task: (id) => Number(id) === bench.task.id && lookSoon(),
    clip: (id) => Number(id) === bench.clip.id && bench.emit("clip-changed"),
    flag: () => bench.emit("flags-changed"),
    propagation: (id) => bench.emit("propagation-changed", id),
  };
  const connect = () => {
    const socket = new WebSocket(`${scheme}://${location.host}/ws/projects/${bench.task.project}/`);
    socket.onopen = () => {
      wait = 1000;
      socket.send(JSON.stringify({ open: bench.task.id }));
      if (missed) lookSoon();
      missed = false;
    };
    socket.onmessage = (message) => {
      const { kind, id, people } = JSON.parse(message.data);
      news[kind]?.(id, people);
    };
    socket.onclose = () => {
      missed = true;
      bench.emit("people", []);
      setTimeout(connect, wait * (0.8 + Math.random() * 0.4));
      wait = Math.min(30000, wait * 2);
    };
  };
  connect();
}
