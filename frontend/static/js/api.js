/** The REST API, as the workbench speaks to it. */

/** An answer that is not the one hoped for; the message is the server's sentence. */
export class ApiError extends Error {
  /**
   * @param {number} status 0: no answer came
   * @param {any} body
   */
  constructor(status, body) {
    super(body?.error?.message ?? (status ? `The server answered ${status}.` : "The server can't be reached."));
    this.status = status;
    this.body = body;
  }
}

/** Whose page this is: when somebody else has logged in since, the server takes nothing from it. */
function owner() {
  const { user } = document.body.dataset;
  return /** @type {Record<string, string>} */ (user ? { "X-Loupe-User": user } : {});
}

function csrfToken() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";
}

/**
 * Never throws: no answer is status 0.
 *
 * @param {string} method
 * @param {string} path below /api/
 * @param {{body?: any, headers?: Record<string, string>, signal?: AbortSignal, keepalive?: boolean}} [options]
 *   keepalive: it arrives even when the page is left meanwhile
 * @returns {Promise<{status: number, body: any}>}
 */
export async function ask(method, path, { body, headers = {}, signal, keepalive = false } = {}) {
  try {
    const response = await fetch(`/api/${path}`, {
      method,
      credentials: "same-origin",
      signal,
      keepalive,
      headers: {
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(method === "GET" ? {} : { "X-CSRFToken": csrfToken() }),
        ...owner(),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const isJson = response.headers.get("content-type")?.includes("json");
    return { status: response.status, body: isJson ? await response.json() : null };
  } catch {
    return { status: 0, body: null };
  }
}

/**
 * A form with a file. Never throws: no answer is status 0.
 *
 * @param {string} path below /api/
 * @param {FormData} form
 * @returns {Promise<{status: number, body: any}>}
 */
export async function send(path, form) {
  const headers = { Accept: "application/json", "X-CSRFToken": csrfToken(), ...owner() };
  try {
    const response = await fetch(`/api/${path}`, { method: "POST", credentials: "same-origin", headers, body: form });
    return { status: response.status, body: await response.json().catch(() => null) };
  } catch {
    return { status: 0, body: null };
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{body?: any, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @returns {Promise<any>} the body
 * @throws {ApiError}
 */
export async function call(method, path, options) {
  const { status, body } = await ask(method, path, options);
  if (status < 200 || status > 299) throw new ApiError(status, body);
  return body;
}

/** @param {string} path @returns {Promise<any>} */
export const get = (path) => call("GET", path);
