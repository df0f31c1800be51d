"use strict";
// Draws the charts of a report from the values that stand in the page itself.
(function () {
  const shown = JSON.parse(document.getElementById("shown").textContent);
  const values = shown.values, words = shown.words, said = words.chart;
  const KST = 9 * 3600 * 1000;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const won = (value) => value.toLocaleString("en-US").replace("-", "−");
  const steps = words.language === "ko" ? [[1e8, "억"], [1e4, "만"]] : [[1e6, "M"], [1e3, "k"]];
  const short = (value) => {
    const size = Math.abs(value);
    const step = steps.find((each) => size >= each[0]);
    const text = step ? String(Math.round(size / step[0] * 10) / 10) + step[1] : won(size);
    return (value < 0 ? "−" : "") + text;
  };
  const toned = (value) => colour(value < 0 ? "loss" : "gain");
  const seoul = (point) => [point[0] + KST].concat(point.slice(1));
  const clock = (at) => new Date(at).toISOString().slice(11, 16);

  const axis = (more) => Object.assign({
    axisLabel: { color: colour("soft"), hideOverlap: true },
    axisLine: { lineStyle: { color: colour("line") } },
    splitLine: { lineStyle: { color: colour("line") } },
  }, more);
  const moneyAxis = (more) => axis(Object.assign({
    type: "value", axisLabel: { color: colour("soft"), formatter: short, hideOverlap: true },
  }, more));
  const timeAxis = (more) => axis(Object.assign({
    type: "time", splitLine: { show: false },
    axisLabel: { color: colour("soft"), hideOverlap: true, formatter: "{HH}:{mm}" },
  }, more));
  const settings = (more) => Object.assign({
    useUTC: true, animation: false, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 12 }, backgroundColor: "transparent",
    // Rich text is drawn, so that nothing from the books is ever read as HTML.
    tooltip: { trigger: "axis", renderMode: "richText", confine: true },
  }, more);
  const legend = () => ({ top: 0, textStyle: { color: colour("ink") }, icon: "roundRect", itemWidth: 14, itemHeight: 8 });

  function twoStoreys(upper, lower) {
    return {
      grid: [{ left: 56, right: 16, top: 34, height: upper }, { left: 56, right: 16, bottom: 28, height: lower }],
      axisPointer: { link: [{ xAxisIndex: "all" }], lineStyle: { color: colour("soft") } },
    };
  }

  function equity() {
    const until = Math.max(values.ends_at, values.equity.marked[values.equity.marked.length - 1][0]);
    const span = { min: values.opens_at + KST, max: until + KST };
    return settings(Object.assign(twoStoreys("52%", "20%"), {
      legend: Object.assign({ data: [said.marked, said.realised, said.trades] }, legend()),
      tooltip: {
        trigger: "axis", renderMode: "richText", confine: true,
        formatter: (points) => [clock(points[0].value[0])].concat(points.map((point) =>
          point.data.summary || point.seriesName + "  " + won(point.value[1]))).join("\n"),
      },
      xAxis: [timeAxis(Object.assign({ axisLabel: { show: false } }, span)), timeAxis(Object.assign({ gridIndex: 1 }, span))],
      yAxis: [moneyAxis(), moneyAxis({ gridIndex: 1, max: 0, splitNumber: 2 })],
      series: [
        { name: said.marked, type: "line", showSymbol: false, data: values.equity.marked.map(seoul),
          lineStyle: { width: 2 }, areaStyle: { opacity: 0.14 }, itemStyle: { color: colour("accent") } },
        { name: said.realised, type: "line", step: "end", showSymbol: false, data: values.equity.realised.map(seoul),
          lineStyle: { width: 1.5, color: colour("soft") }, itemStyle: { color: colour("soft") } },
        { name: said.trades, type: "scatter", symbolSize: 8, data: tradesOnEquity(), itemStyle: { color: colour("gain") } },
        { name: said.drawdown, type: "line", xAxisIndex: 1, yAxisIndex: 1, showSymbol: false,
          data: values.equity.drawdown.map(seoul), lineStyle: { width: 1 }, areaStyle: { opacity: 0.25 },
          itemStyle: { color: colour("loss") } },
      ],
    }));
  }

  function tradesOnEquity() {
    let sum = 0;
    return values.trades.map((trade) => {
      sum += trade.net;
      return {
        value: [trade.closed_at + KST, sum], itemStyle: { color: toned(trade.net) },
        summary: trade.symbol + " " + trade.name + "  " + (words.reasons[trade.exit_reason] || trade.exit_reason) + "  " + won(trade.net),
      };
    });
  }

  function bars(rows, nameOf) {
    return settings({
      grid: { left: 122, right: 20, top: 10, bottom: 26 },
      tooltip: {
        trigger: "axis", axisPointer: { type: "shadow" }, renderMode: "richText", confine: true,
        formatter: (points) => points[0].name + "\n" + said.net + "  " + won(points[0].value) + "\n" + said.trades + "  " + rows[points[0].dataIndex].trades,
      },
      xAxis: moneyAxis({ splitNumber: 4 }),
      yAxis: axis({
        type: "category", data: rows.map(nameOf), axisTick: { show: false }, inverse: true,
        axisLabel: { color: colour("ink"), width: 110, overflow: "truncate" },
      }),
      series: [{
        type: "bar", name: said.net, barMaxWidth: 26,
        data: rows.map((row) => ({ value: row.net, itemStyle: { color: toned(row.net), borderRadius: 3 } })),
      }],
    });
  }

  function most(rows, count) {
    const members = rows.filter((row) => !row.total);
    const largest = members.slice().sort((a, b) => Math.abs(b.net) - Math.abs(a.net)).slice(0, count);
    return members.filter((row) => largest.includes(row));
  }

  function slippage() {
    const names = values.trades.map((trade, place) => String(place + 1));
    const at = (place) => values.trades[place];
    const ticks = (name, key, tint) => ({
      name: name + " (" + said.ticks + ")", type: "scatter", symbolSize: 7, xAxisIndex: 1, yAxisIndex: 1,
      data: values.trades.map((trade) => trade[key]), itemStyle: { color: tint },
    });
    return settings(Object.assign(twoStoreys("38%", "30%"), {
      legend: legend(),
      tooltip: {
        trigger: "axis", renderMode: "richText", confine: true,
        formatter: (points) => [at(points[0].dataIndex).symbol + " " + at(points[0].dataIndex).name].concat(points.map((point) =>
          point.seriesName + "  " + (point.value === undefined || point.value === null ? "–" : won(point.value)))).join("\n"),
      },
      xAxis: [axis({ type: "category", data: names, axisLabel: { show: false } }), axis({ type: "category", data: names, gridIndex: 1 })],
      yAxis: [moneyAxis({ splitNumber: 3 }), axis({ type: "value", gridIndex: 1, splitNumber: 3 })],
      series: [
        { name: said.slippage + " (" + words.won + ")", type: "bar", barMaxWidth: 18, itemStyle: { color: colour("accent") },
          data: values.trades.map((trade) => trade.slippage) },
        ticks(said.entry, "entry_ticks", colour("accent")), ticks(said.exit, "exit_ticks", colour("exiting")),
      ],
    }));
  }

  function days() {
    const dates = [""].concat(values.days.map((day) => day.name));  // the sum begins at zero, before the first session
    return settings(Object.assign(twoStoreys("46%", "26%"), {
      legend: Object.assign({ data: [said.equity, said.net, said.drawdown] }, legend()),
      tooltip: {
        trigger: "axis", renderMode: "richText", confine: true,
        formatter: (points) => points[0].name && [points[0].name].concat(points.map((point) => point.seriesName + "  " + won(point.value))).join("\n"),
      },
      xAxis: [axis({ type: "category", data: dates, axisLabel: { show: false } }), axis({ type: "category", data: dates, gridIndex: 1 })],
      yAxis: [moneyAxis(), moneyAxis({ gridIndex: 1, splitNumber: 3 })],
      series: [
        { name: said.equity, type: "line", data: [0].concat(values.equity.realised.map((point) => point[1])), showSymbol: dates.length < 40,
          areaStyle: { opacity: 0.14 }, itemStyle: { color: colour("accent") } },
        { name: said.drawdown, type: "line", data: [0].concat(values.equity.drawdown.map((point) => point[1])), showSymbol: false,
          lineStyle: { width: 1 }, areaStyle: { opacity: 0.2 }, itemStyle: { color: colour("loss") } },
        { name: said.net, type: "bar", xAxisIndex: 1, yAxisIndex: 1, barMaxWidth: 26, itemStyle: { color: colour("gain") },
          data: [null].concat(values.days.map((day) => ({ value: day.net, itemStyle: { color: toned(day.net), borderRadius: 3 } }))) },
      ],
    }));
  }

  const named = (row) => row.label ? row.label : words.reasons[row.name] || words.strategies[row.name] || row.name;
  const charts = {
    equity: equity, slippage: slippage, days: days,
    symbol: () => bars(most(values.tables.symbol, 14), named),
    exit_reason: () => bars(most(values.tables.exit_reason, 14), named),
    worker: () => bars(most(values.tables.worker, 14), named),
  };

  const clicked = {};

  function drawOne(node) {
    const chart = echarts.getInstanceByDom(node) || echarts.init(node, null, { renderer: "svg" });
    chart.setOption(charts[node.dataset.chart](node), true);
    chart.off("click");
    if (clicked[node.dataset.chart]) chart.on("click", clicked[node.dataset.chart]);
  }

  const nodes = (name) => document.querySelectorAll(name ? '[data-chart="' + name + '"]' : "[data-chart]");
  const redraw = (name) => nodes(name).forEach(drawOne);

  // Other scripts add their charts before the document is complete.
  globalThis.haru = { values, words, said, KST, colour, won, toned, axis, moneyAxis, settings, legend, charts, clicked, redraw };
  document.addEventListener("DOMContentLoaded", () => redraw());
  window.addEventListener("resize", () => {
    nodes().forEach((node) => echarts.getInstanceByDom(node).resize());
    redraw("candles");  // the length of a candle depends on the width
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
})();
