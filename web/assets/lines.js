"use strict";
// Lines of daily results: a year against the indexes, or two backtests. The figures are beside the chart as text.
(function () {
  const node = document.getElementById("against"), library = window.LightweightCharts;
  if (!node) return;
  const found = JSON.parse(document.getElementById("against-values").textContent), { won } = window.haru;
  const names = found.lines.length === 2 && found.lines[1].own ? ["--accent", "--gain-line"] : ["--accent", "--ink", "--gain-line"];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let chart = null;
  function drawAll() {
    if (chart) chart.remove();
    chart = library.createChart(node, {
      autoSize: true,
      layout: { background: { color: "transparent" }, textColor: colour("--soft"), attributionLogo: false, fontSize: 12 },
      grid: { vertLines: { color: colour("--line") }, horzLines: { color: colour("--line") } },
      timeScale: { borderColor: colour("--line") }, rightPriceScale: { borderColor: colour("--line") },
      localization: { priceFormatter: (price) => won(Math.round(price)), dateFormat: "yyyy-MM-dd" },
      handleScroll: { vertTouchDrag: false },
    });
    found.lines.forEach((line, place) => {
      const dates = line.dates || found.dates;
      const series = chart.addSeries(library.LineSeries, { color: colour(names[place]), lineWidth: 2, priceLineVisible: false });
      series.setData(line.results.map((value, at) => ({ time: dates[at], value })));
    });
    chart.timeScale().fitContent();
  }
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
