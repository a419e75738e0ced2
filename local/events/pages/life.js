// A message's life as a time line: a line for each of its recipients.

import { clock, el } from "./dom.js";

/**
 * @typedef {{title: string, time: string | null, detail: string, state: "done" | "waiting" | "failed",
 *   event: string | null}} Step
 * @typedef {{id: string, message: any, lines: {to: string, steps: Step[]}[]}} Life
 */

/**
 * @param {Life} life
 * @param {string | undefined} recipient whose line comes first
 * @param {string} chosen the event that is shown
 * @param {(id: string) => void} choose shows another event
 */
export function lifeOf(life, recipient, chosen, choose) {
  const lines = [...life.lines].sort((a, b) => Number(b.to === recipient) - Number(a.to === recipient));
  const box = el("div.life", {});
  box.append(el("h3", {}, "The message ", el("code", {}, life.id)));
  if (life.message) box.append(el("p.message", { dir: "auto" }, life.message.text ?? ""));
  for (const line of lines) {
    box.append(el("h3", { dir: "auto" }, line.to), el("ol", {}, ...line.steps.map((one) => step(one, chosen, choose))));
  }
  return box;
}

/** @param {Step} one @param {string} chosen @param {(id: string) => void} choose */
function step(one, chosen, choose) {
  const { event } = one;
  return el(
    `li.${one.state}`,
    { "data-step": one.title },
    el(
      "div.step",
      {},
      el("b", {}, one.title),
      event && event !== chosen ? el("button", { type: "button", onclick: () => choose(event) }, "its event") : null,
      one.time ? el("time", { datetime: one.time }, clock(one.time)) : el("span.time", {}, one.state === "waiting" ? "" : "–"),
    ),
    one.detail ? el("p.words", { dir: "auto" }, one.detail) : null,
  );
}
