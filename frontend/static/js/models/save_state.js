/** What the top bar says of saving. It says "Saved" when everything is on the server, and at no other time. */

/**
 * @param {object} outbox
 * @param {number} outbox.unsaved
 * @param {"ready" | "offline" | "stopped"} outbox.state
 * @param {string} outbox.reason
 * @param {unknown[]} outbox.conflicts
 * @param {unknown[]} outbox.refusals
 * @param {boolean} outbox.isUnsafe some of it is in this page alone
 * @param {boolean} outbox.isRestored whether it is known what an earlier page left behind
 * @returns {{state: "saved" | "loading" | "saving" | "offline" | "conflict" | "stopped", text: string, title: string}}
 */
export function saveState({ unsaved: n, state, reason, conflicts, refusals, isUnsafe, isRestored }) {
  if (!n && !isRestored) return { state: "loading", text: "Loading", title: "Looking for work kept in this browser." };
  if (!n) return { state: "saved", text: "Saved", title: "Everything is on the server." };
  const kept = isUnsafe ? "Part of it is in this page alone: don't close it." : "All of it is kept in this browser.";
  const say = (/** @type {any} */ what, /** @type {string} */ text, /** @type {string} */ why) => ({
    state: what,
    text: `${n} unsaved${text}`,
    title: `${why} ${kept}`.trim(),
  });
  if (state === "stopped") return say("stopped", " · not sending", reason);
  if (state === "offline")
    return say("offline", " · offline", `${reason} It is tried again by itself; click to try now.`);
  if (conflicts.length) return say("conflict", " · choose a version", "Somebody else saved first.");
  if (refusals.length === n) return say("conflict", " · refused", "The remarks say why the server would not take it.");
  return say("saving", "", "On its way to the server.");
}
