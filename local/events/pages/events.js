// The events page: the list, its filters, the chosen event.

import { clock, el, fill, roving, single } from "./dom.js";
import { json } from "./json.js";
import { lifeOf } from "./life.js";
import { follow, lamp } from "./live.js";

/** @typedef {{event: any, message_id: string | null, times: number, place: number}} Seen */

const KINDS = [
  [/\.(delivered|received)$/, "good"],
  [/\.(undelivered|rejected|failed|disabled|lost|quarantined|suspended|stalled|discrepancy)$/, "bad"],
  [/\.(unknown|updated|balance_low)$/, "odd"],
];
const LONGEST_LIST = 500;

/** @param {string} id @returns {any} */
const byId = (id) => document.getElementById(id);

const list = byId("events");
/** @type {Map<string, Seen>} */
const seen = new Map();
/** @type {Map<string, HTMLElement>} */
const rows = new Map();
/** Types that are chosen; none means every one. @type {Set<string>} */
const types = new Set();
let chosen = "";
let asked = 0;

/** @param {string} type */
const kindOf = (type) => KINDS.find(([pattern]) => /** @type {RegExp} */ (pattern).test(type))?.[1] ?? "info";

/** @param {string} type */
const short = (type) => type.replace(/^sms\./, "");

/** @param {Seen} one */
function wanted(one) {
  const search = byId("search").value.trim().toLowerCase();
  if (types.size && !types.has(one.event.type)) return false;
  return !search || JSON.stringify(one.event).toLowerCase().includes(JSON.stringify(search).slice(1, -1));
}

/** @param {any} data */
function told(data) {
  const parts = [data.client_reference, data.gateway_status, data.error_class, data.text, data.reason, data.balance];
  return parts.filter((part) => part !== null && part !== undefined && part !== "").join(" · ");
}

/** @param {string} key @param {Seen} one */
function row(key, one) {
  const { event } = one;
  const data = event.data ?? {};
  return el(
    "button.event.arrived",
    { type: "button", tabindex: -1, "data-id": key, "aria-current": String(key === chosen), onclick: () => choose(key) },
    el("span.time", {}, clock(event.time)),
    el(`span.tag.${kindOf(event.type)}`, {}, short(event.type)),
    el("span.who", { dir: "auto" }, data.from ?? data.to ?? data.account ?? ""),
    el("span.what", { dir: "auto" }, told(data)),
    el("span.again", one.times > 1 ? { title: "came so often, with the same id" } : {}, one.times > 1 ? `×${one.times}` : ""),
  );
}

/** @param {import("./live.js").Changes} changes */
function take(changes) {
  if (changes.reset) {
    seen.clear();
    rows.clear();
    list.replaceChildren();
  }
  let touched = false;
  const message = seen.get(chosen)?.message_id;
  for (const { key, value } of changes.items) {
    const known = rows.get(key);
    seen.set(key, value);
    const made = row(key, value);
    const focused = known && known === document.activeElement;
    rows.set(key, made);
    if (known) known.replaceWith(made);
    else place(made, value);
    if (focused) made.focus();
    touched ||= Boolean(message) && value.message_id === message;
  }
  trim();
  filter();
  chips();
  if (touched) life();
}

/** @param {HTMLElement} made @param {Seen} value */
function place(made, value) {
  const item = el("li", {}, made);
  item.dataset.place = String(value.place);
  const older = [...list.children].find((other) => Number(/** @type {HTMLElement} */ (other).dataset.place) < value.place);
  list.insertBefore(item, older ?? null);
}

function trim() {
  while (list.children.length > LONGEST_LIST) {
    const last = list.lastElementChild;
    const key = last.querySelector("button").dataset.id;
    rows.delete(key);
    seen.delete(key);
    last.remove();
  }
}

function filter() {
  let shown = 0;
  for (const [key, made] of rows) {
    const visible = wanted(/** @type {Seen} */ (seen.get(key)));
    made.hidden = !visible;
    /** @type {HTMLElement} */ (made.parentElement).hidden = !visible;
    shown += Number(visible);
  }
  single(list, "button.event");
  byId("none").hidden = shown > 0;
  list.hidden = shown === 0;
  byId("none-title").textContent = seen.size ? "No event fits" : "No event yet";
  byId("none-words").textContent = seen.size
    ? "Choose other types, or look for something else."
    : "Send a message, or write from a phone: what happens to it appears here.";
}

function chips() {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { event } of seen.values()) counts.set(event.type, (counts.get(event.type) ?? 0) + 1);
  for (const type of types) if (!counts.has(type)) counts.set(type, 0);
  const group = byId("types");
  const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.type;
  fill(group, chip("", "All", seen.size), ...[...counts].sort().map(([type, count]) => chip(type, short(type), count)));
  if (focused !== undefined) [...group.children].find((one) => one.dataset.type === focused)?.focus();
}

/** @param {string} type @param {string} name @param {number} count */
function chip(type, name, count) {
  const pressed = type ? types.has(type) : types.size === 0;
  return el(
    "button.chip",
    { type: "button", "data-type": type, "aria-pressed": String(pressed), onclick: () => toggle(type) },
    name,
    el("span.count", {}, count),
  );
}

/** @param {string} type */
function toggle(type) {
  if (!type) types.clear();
  else if (!types.delete(type)) types.add(type);
  filter();
  chips();
}

/** @param {string} key */
function choose(key) {
  const one = seen.get(key);
  if (!one) return;
  rows.get(chosen)?.setAttribute("aria-current", "false");
  chosen = key;
  rows.get(key)?.setAttribute("aria-current", "true");
  byId("detail").hidden = false;
  byId("detail").scrollTop = 0;
  byId("detail-title").textContent = one.event.type;
  fill(byId("whole"), json(one.event));
  byId("life").replaceChildren();
  life();
}

async function life() {
  const one = seen.get(chosen);
  const mine = ++asked;
  if (!one?.message_id) {
    fill(byId("life"), el("p.words", {}, "This event is about no message that is known."));
    return;
  }
  try {
    const response = await fetch(`/events/messages/${encodeURIComponent(one.message_id)}`, { cache: "no-store" });
    if (!response.ok) throw new Error(String(response.status));
    const found = await response.json();
    if (mine !== asked) return;
    const recipient = one.event.type === "sms.inbound.received" ? one.event.data.from : one.event.data.to;
    fill(byId("life"), lifeOf(found, recipient, chosen, choose));
  } catch {
    if (mine === asked) fill(byId("life"), el("p.words", {}, "The message's life cannot be had just now."));
  }
}

function close() {
  byId("detail").hidden = true;
  rows.get(chosen)?.setAttribute("aria-current", "false");
  rows.get(chosen)?.focus();
  chosen = "";
}

byId("search").addEventListener("input", filter);
byId("close").addEventListener("click", close);
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !byId("detail").hidden) close();
});
roving(list, "button.event");

/** The phones are beside this page only where the gateway is simulated. */
async function beside() {
  try {
    const answer = await fetch("/", { headers: { Accept: "application/json" } });
    byId("to-phones").hidden = !answer.headers.get("content-type")?.startsWith("application/json");
  } catch {
    // The stream tells that the connection is lost.
  }
}

beside();
follow("/events/", take, lamp(byId("lamp")));
