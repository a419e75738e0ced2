// The exchanges as they went over the wire: the list of them, and one of them in full.

import { CODES } from "./codes.js";
import { clock, el, fill, roving, single } from "./dom.js";
import { json, jsonText } from "./json.js";

const CALLS = [
  ["", "All"],
  ["send", "Submit"],
  ["report", "Report"],
  ["mo", "MO"],
  ["balance", "Balance"],
  ["statistic_app", "Statistics"],
];
const NAMES = Object.fromEntries(CALLS);
const SHOWN = 300;
const KEPT = 1000;

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** The side pane. */
export class Wire {
  constructor() {
    this.list = byId("exchanges");
    this.detail = byId("pane-detail");
    /** @type {Map<string, any>} */
    this.known = new Map();
    this.call = "";
    this.empty = false;
    /** @type {HTMLElement | null} */
    this.back = null;
    roving(this.list, "button.exchange");
    this.#chips();
    byId("pane").addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.detail.hidden) return;
      event.preventDefault();  // the first Escape leads back to the list, the second one closes the pane
      this.close();
    });
  }

  clear() {
    this.known.clear();
    this.list.replaceChildren();
    this.#tell();
  }

  /** @param {string} key @param {any} summary */
  add(key, summary) {
    if (this.known.has(key)) return;
    this.known.set(key, summary);
    if (this.known.size > KEPT) this.known.delete(this.known.keys().next().value ?? "");
    if (this.#wanted(summary)) {
      this.list.prepend(this.#row(summary));
      while (this.list.children.length > SHOWN) this.list.lastElementChild?.remove();
      single(this.list, "button.exchange");
    }
    this.#tell();
  }

  /** Show the list again, and put the focus where it was. */
  close() {
    this.detail.hidden = true;
    byId("pane-list").hidden = false;
    (this.back?.isConnected ? this.back : this.list.querySelector("button"))?.focus();
  }

  /** @param {number} number */
  async open(number) {
    const { exchange } = await this.#ask(`exchange?number=${number}`);
    if (exchange) this.#show(exchange, []);
  }

  /**
   * Show what was said about a message, its submit first.
   * @param {string} messageId
   */
  async about(messageId) {
    const { exchanges = [] } = await this.#ask(`exchanges?message_id=${encodeURIComponent(messageId)}`);
    const submit = exchanges.find((/** @type {any} */ one) => one.call === "send") ?? exchanges[0];
    if (submit) this.#show(submit, exchanges);
    else this.#page(el("p.sub", {}, "Its exchange is not kept any more: of each call the last 200 are."));
  }

  /** @param {string} path */
  async #ask(path) {
    try {
      const response = await fetch(`/admin/${path}`, { cache: "no-store" });
      return response.ok ? await response.json() : {};
    } catch {
      return {};
    }
  }

  #chips() {
    const made = CALLS.map(([call, name]) =>
      el("button.chip", { type: "button", "aria-pressed": String(call === this.call), onclick: () => this.#filter(call, made) }, name),
    );
    const pulls = el(
      "button.chip",
      {
        type: "button",
        "aria-pressed": "false",
        onclick: () => {
          this.empty = !this.empty;
          pulls.setAttribute("aria-pressed", String(this.empty));
          this.#again();
        },
      },
      "Empty pulls",
    );
    fill(byId("calls"), ...made, pulls);
  }

  /** @param {string} call @param {HTMLElement[]} chips */
  #filter(call, chips) {
    this.call = call;
    chips.forEach((chip, index) => chip.setAttribute("aria-pressed", String(CALLS[index][0] === call)));
    this.#again();
  }

  #again() {
    const wanted = [...this.known.values()].filter((summary) => this.#wanted(summary)).slice(-SHOWN);
    this.list.replaceChildren(...wanted.reverse().map((summary) => this.#row(summary)));
    single(this.list, "button.exchange");
    this.#tell();
  }

  /** @param {any} summary */
  #wanted(summary) {
    return (!this.call || summary.call === this.call) && (this.empty || !summary.empty);
  }

  #tell() {
    byId("no-exchanges").hidden = this.list.children.length > 0;
  }

  /** @param {any} summary */
  #row(summary) {
    const row = el(
      "button.exchange",
      { type: "button", tabindex: -1, "data-number": summary.number, onclick: () => this.open(summary.number) },
      el("span.time", {}, clock(summary.time)),
      el("span.call", {}, NAMES[summary.call]),
      el("span.what", {}, what(summary)),
      summary.fault ? el("span.tag.odd", {}, summary.fault) : tag(summary.code),
    );
    return el("li", {}, row);
  }

  /** @param {any} exchange @param {any[]} others */
  #show(exchange, others) {
    const { fields, signing } = exchange;
    const parts = [
      el(
        "p.head",
        {},
        el("span", {}, NAMES[exchange.call]),
        el("code", {}, `${exchange.method} ${exchange.call}.do`),
      ),
      el("p.sub", {}, `${clock(exchange.time)} · version ${fields.ver ?? "not given"} · ${exchange.account ?? "no such account"} · #${exchange.number}`),
      verdict(exchange),
      exchange.fault ? fault(exchange) : null,
      others.length > 1 ? this.#others(exchange, others) : null,
      ...(signing ? signature(signing, fields, exchange.call) : []),
      el("h3", {}, "Parameters, as received"),
      pairs(Object.entries(fields)),
      ...(exchange.data === null ? [] : [el("h3", {}, fields.ver === "17" ? "data, decrypted" : "data, read as JSON"), jsonText(exchange.data)]),
      el("h3", {}, exchange.answer === null ? "Answer: none, the fault struck before the effect" : "Answer, in plain text"),
      exchange.answer === null ? null : json(exchange.answer),
      el("h3", {}, exchange.status === null ? "Sent: nothing, the connection was dropped" : `Sent, HTTP ${exchange.status}`),
      exchange.status === null ? null : el("pre.hashed", { tabindex: 0 }, exchange.sent),
    ];
    this.#page(...parts);
  }

  /** @param {...(Node | null)} parts */
  #page(...parts) {
    const active = document.activeElement;
    if (active instanceof HTMLElement && !this.detail.contains(active)) this.back = active;
    const back = el("button.back.quiet", { type: "button", onclick: () => this.close() }, "← All exchanges");
    fill(this.detail, back, el("div.detail", {}, ...parts));
    byId("pane-list").hidden = true;
    this.detail.hidden = false;
    this.detail.scrollTop = 0;
    back.focus({ preventScroll: true });
  }

  /** @param {any} shown @param {any[]} others */
  #others(shown, others) {
    const buttons = others.map((one) =>
      el(
        "button.chip",
        { type: "button", "aria-pressed": String(one.number === shown.number), onclick: () => this.#show(one, others) },
        `${NAMES[one.call]} ${clock(one.time)}`,
      ),
    );
    return el("div", {}, el("h3", {}, "About this message"), el("div.others", {}, ...buttons));
  }
}

/** @param {any} summary */
function what(summary) {
  if (summary.code === null) return "no effect";
  if (summary.code !== 0) return worded(summary.code, summary.meaning);
  if (summary.call === "balance") return "balance";
  if (summary.call === "send") return summary.records === 1 ? "1 number" : `${summary.records} numbers`;
  return summary.records === 1 ? "1 record" : `${summary.records || "no"} records`;
}

/** @param {number | null} code */
function tag(code) {
  return code === null ? el("span.tag", {}, "–") : el(`span.tag.${code === 0 || code === 130 ? "good" : "bad"}`, {}, code);
}

/** @param {any} exchange */
function verdict(exchange) {
  if (exchange.answer === null) return null;
  const { code } = exchange.answer;
  return el(`p.verdict.${code === 0 ? "good" : "bad"}`, {}, el("b", {}, `Code ${code}`), ` ${worded(code, exchange.meaning)}`);
}

/** @param {number} code @param {string | null} meaning in the specification's own words */
function worded(code, meaning) {
  const words = CODES[code] ?? "the specification does not list this code";
  return meaning ? `${words} (${meaning})` : words;
}

/** @param {any} exchange */
function fault(exchange) {
  const heard = exchange.status === null ? "the client got no answer" : `the client got HTTP ${exchange.status}`;
  return el("p.verdict.odd", {}, el("b", {}, `Fault ${exchange.fault}`), ` struck: ${heard}.`);
}

/** @param {any} signing @param {Record<string, string>} fields @param {string} call */
function signature(signing, fields, call) {
  const verdict = signing.right ? el("span.tag.good", {}, "right") : el("span.tag.bad", {}, "wrong");
  return [
    el("h3", {}, "Signature ", verdict),
    el(
      "dl",
      {},
      el("dt", {}, "received"),
      el("dd", {}, ...(signing.right ? [signing.given] : differing(signing.given, signing.expected ?? ""))),
      el("dt", {}, "expected"),
      el("dd", {}, signing.expected ?? "–"),
    ),
    signing.remarks.length ? el("ul.remarks", {}, ...signing.remarks.map((/** @type {string} */ one) => el("li", {}, one))) : null,
    el("h3", {}, call === "send" ? "The string behind it: md5(password), seed, data" : "The string behind it: md5(password), seed"),
    hashed(signing.hashed, fields.seed ?? ""),
  ];
}

/**
 * The string with its parts in colours.
 * @param {string} text
 * @param {string} seed
 */
function hashed(text, seed) {
  const after = 32 + seed.length;
  return el(
    "pre.hashed",
    { tabindex: 0 },
    el("span.password", { title: "md5(password), masked" }, text.slice(0, 32)),
    el("span.seed", { title: "seed" }, text.slice(32, after)),
    el("span.data", { title: "data, as sent" }, text.slice(after)),
  );
}

/** @param {string} given @param {string} expected */
function differing(given, expected) {
  if (!given) return ["(none)"];
  return [...given].map((letter, index) => (letter === expected[index] ? letter : el("span.differs", {}, letter)));
}

/** @param {[string, string][]} entries */
function pairs(entries) {
  if (!entries.length) return el("p.sub", {}, "none");
  return el("dl", {}, ...entries.flatMap(([name, value]) => [el("dt", { dir: "auto" }, name), el("dd", {}, value)]));
}
