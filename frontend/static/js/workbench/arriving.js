/**
 * What the page is opened for, asked for before the rest of its modules are here: the server reads a large task's masks
 * while the browser still fetches code.
 */

import { get } from "../api.js";

const { task, clip } = document.body.dataset;

/** @param {string} path @returns {Promise<any>} */
function begin(path) {
  const answer = get(path);
  // Whoever waits for it hears of a failure; until then it is not one that nobody handles.
  answer.catch(() => {});
  return answer;
}

export const arriving = {
  task: begin(`tasks/${task}/`),
  work: begin(`tasks/${task}/work/?masks=rows`),
  times: begin(`clips/${clip}/times/`),
  proposals: begin(`tasks/${task}/proposals/`),
};
