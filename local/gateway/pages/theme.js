// The scheme: the system's, until somebody chooses. A classic script in the head, so that nothing flashes.
"use strict";

(() => {
  const root = document.documentElement;
  const wanted = matchMedia("(prefers-color-scheme: dark)");

  /** @returns {string | null} what was chosen; storage may be forbidden. */
  const stored = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  };

  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : wanted.matches);

  const chosen = stored();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;

  addEventListener("DOMContentLoaded", () => {
    const toggle = document.getElementById("theme");
    const tell = () => toggle.setAttribute("aria-pressed", String(dark()));
    tell();
    wanted.addEventListener("change", tell);
    toggle.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      try {
        localStorage.setItem("theme", root.dataset.theme);
      } catch {
        // it holds until the page is closed
      }
      tell();
    });
  });
})();
