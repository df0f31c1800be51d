"use strict";
// Filters of the trades, and the choice of two results to compare: both are addresses, so that a view can be kept or sent.
(function () {
  const { words, $ } = window.haru;
  const filters = $("filters");
  if (filters) {
    const fields = [...filters.querySelectorAll("input, select")];
    const open = (values) => {
      const asked = new URLSearchParams([["year", filters.dataset.year], ...values, ["lang", words.language]]);
      location.href = `history?${asked}#trades`;
    };
    const apply = () => open(fields.filter((each) => each.value).map((each) => [each.name, each.value]));
    $("apply").addEventListener("click", apply);
    $("clear").addEventListener("click", () => open([]));
    filters.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.matches("input, select")) apply(); });
  }
  document.querySelectorAll("[data-compare]").forEach((button) => {
    const kind = button.dataset.compare, chosen = (place) => document.querySelector(`input[name="${kind}-${place}"]:checked`)?.value;
    const ready = () => { button.disabled = !chosen("a") || !chosen("b") || chosen("a") === chosen("b"); };
    document.querySelectorAll(`input[name^="${kind}-"]`).forEach((each) => each.addEventListener("change", ready));
    ready();
    button.addEventListener("click", () => { location.href = `lab/pair?${new URLSearchParams({ a: chosen("a"), b: chosen("b"), lang: words.language })}`; });
  });
})();
