// Calls of our own API from a page, with the session's CSRF token.

/** Sends JSON (or nothing) and gives the answer's JSON; throws a Problem with what went wrong. */
export async function send(method, url, body) {
  const headers = { Accept: "application/json", "X-CSRF-Token": csrfToken() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(url, {
    method,
    headers,
    credentials: "same-origin",
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  const told = text && answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : {};
  if (!answer.ok) throw new Problem(answer.status, told);
  return told;
}

/** What the API says when it refuses: status, title, detail and errors by pointer. */
export class Problem extends Error {
  constructor(status, told) {
    super(told.detail || told.title || `The server answered ${status}`);
    this.status = status;
    this.errors = told.errors || [];
  }
}

export const csrfToken = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";
