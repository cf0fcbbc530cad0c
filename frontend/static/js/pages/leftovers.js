// Strokes that a closed or killed workbench left in this browser are sent when their task is opened again. This says so
// on every page, or they would wait there unknown.
import { unsavedByTask } from "../workbench/outbox_storage.js";

const LOOK = 3000; // ms; what another tab is sending just now is gone by then

/** @param {number} task @param {number} n */
function notice(task, n) {
  const line = document.createElement("p");
  line.className = "notice warning";
  const link = document.createElement("a");
  link.href = `/tasks/${task}/`;
  link.textContent = `Open task ${task}`;
  const what = `${n} ${n === 1 ? "change" : "changes"} of yours in task ${task} ${n === 1 ? "is" : "are"} kept in this browser`;
  const text = document.createElement("span");
  text.append(`${what}, not on the server yet. `, link, " and they are saved.");
  line.append(text);
  return line;
}

async function look() {
  const { user } = document.body.dataset;
  const place = document.getElementById("notices");
  if (!user || !place) return;
  const before = await unsavedByTask(user);
  if (!before.size) return;
  await new Promise((done) => setTimeout(done, LOOK));
  const now = await unsavedByTask(user);
  const left = [...now].filter(([task, n]) => n >= (before.get(task) ?? Number.POSITIVE_INFINITY));
  place.prepend(...left.map(([task, n]) => notice(task, n)));
}

look().catch(() => undefined);
