// Follows a board of the server: by a stream, else by asking again and again. Nothing comes twice, nothing is missed:
// every answer has a cursor, and the next question names it.

const POLL_MILLISECONDS = 1000;
const POLLS_BEFORE_STREAM = 10;

/**
 * @typedef {{kind: string, key: string, value: any}} Item
 * @typedef {{reset: boolean, items: Item[], cursor: string}} Changes
 */

/**
 * Follow a board until the page is closed. While the page is hidden nothing is asked: a browser has few connections.
 * @param {string} base of the two addresses, such as "/" or "/events/"
 * @param {(changes: Changes) => void} changed
 * @param {(state: "live" | "polling" | "lost") => void} told
 */
export function follow(base, changed, told) {
  let cursor = "";
  /** @type {EventSource | null} */
  let source = null;
  let timer = 0;

  /** @param {Changes} changes */
  const take = (changes) => {
    cursor = changes.cursor;
    changed(changes);
  };
  const address = (/** @type {string} */ name) => `${base}${name}?after=${encodeURIComponent(cursor)}`;

  const stop = () => {
    source?.close();
    source = null;
    clearTimeout(timer);
  };

  const stream = () => {
    stop();
    if (!window.EventSource) {
      poll(0);
      return;
    }
    const opened = new EventSource(address("stream"));
    source = opened;
    opened.addEventListener("open", () => told("live"));
    opened.addEventListener("changes", (event) => take(JSON.parse(event.data)));
    opened.addEventListener("error", () => {
      if (opened !== source) return;
      told("lost");
      // A browser connects again by itself, unless the answer was no stream.
      if (opened.readyState === EventSource.CLOSED) poll(0);
    });
  };

  const poll = async (/** @type {number} */ count) => {
    stop();
    const here = (timer = setTimeout(() => {}, 0));
    try {
      const response = await fetch(address("changes"), { cache: "no-store" });
      if (!response.ok) throw new Error(String(response.status));
      const changes = await response.json();
      if (here !== timer) return;
      take(changes);
      told("polling");
    } catch {
      if (here !== timer) return;
      told("lost");
    }
    timer = setTimeout(() => (count < POLLS_BEFORE_STREAM ? poll(count + 1) : stream()), POLL_MILLISECONDS);
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : stream()));
  addEventListener("pagehide", stop);
  stream();
}

/**
 * Show the state of the connection.
 * @param {HTMLElement} sign
 */
export function lamp(sign) {
  const words = { live: "live", polling: "live, by asking", lost: "connection lost, trying again" };
  return (/** @type {"live" | "polling" | "lost"} */ state) => {
    sign.dataset.state = state;
    sign.textContent = words[state];
  };
}
