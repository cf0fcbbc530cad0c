/** In which fields two versions of a thing differ, in words. */

/** @typedef {{field: string, mine: string, theirs: string}} Difference */

/** @type {[string, string][]} fields and what they are called */
const FIELDS = [
  ["deleted", "Deleted"],
  ["label", "Label"],
  ["z_order", "Order"],
  ["start", "First frame"],
  ["end", "End"],
  ["level", "Level"],
  ["action", "Action"],
  ["phase", "Phase"],
  ["object_name", "Object"],
  ["object", "Track of the object"],
  ["hand_side", "Hand"],
  ["hand", "Track of the hand"],
  ["outcome", "Outcome"],
  ["confidence", "Confidence"],
  ["instructions", "Instructions"],
  ["occluded", "Occluded"],
  ["outside", "Outside"],
];

/** @param {unknown} value */
function inWords(value) {
  if (value === undefined || value === null || value === "" || value === false) return "–";
  if (value === true) return "yes";
  return Array.isArray(value) ? value.filter(Boolean).join(" / ") || "–" : String(value);
}

/**
 * @param {Record<string, any>} mine
 * @param {Record<string, any>} theirs
 * @returns {Difference[]}
 */
export function differences(mine, theirs) {
  return FIELDS.map(([name, field]) => ({
    field,
    mine: inWords(mine?.[name]),
    theirs: inWords(theirs?.[name]),
  })).filter((row) => row.mine !== row.theirs);
}
