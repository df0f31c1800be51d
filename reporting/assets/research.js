"use strict";
// Charts of single trades: returns, excursions, groups, comparison, and each trade on the candles of its session.
(function () {
  const { values, words, said, colour, won, toned, axis, moneyAxis, settings, legend, charts, redraw } = haru;
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const bp = (value) => won(value) + " bp";
  const plainAxis = (name, more) => axis(Object.assign({
    type: "value", name: name, nameLocation: "middle", nameTextStyle: { color: colour("soft") },
    axisLabel: { color: colour("soft"), formatter: won, hideOverlap: true },
  }, more));
  const withCount = (text, count) => text.replace("{count}", count);

  charts.returns = () => {
    const bins = values.distribution.bins;
    const ends = (bin) => (bin.from === null ? "< " + won(bin.to) : bin.to === null ? "≥ " + won(bin.from) : won(bin.from) + " … " + won(bin.to)) + " bp";
    const signed = (bin) => (bin.from === null ? bin.to - 1 : bin.from);
    return settings({
      grid: { left: 44, right: 14, top: 10, bottom: 40 },
      tooltip: {
        trigger: "axis", axisPointer: { type: "shadow" }, renderMode: "richText", confine: true,
        formatter: (points) => ends(bins[points[0].dataIndex]) + "\n" + said.count + "  " + points[0].value,
      },
      xAxis: axis({ type: "category", data: bins.map((bin) => bin.from === null ? "<" + won(bin.to) : won(bin.from)), axisTick: { show: false }, splitLine: { show: false },
        name: said.return, nameLocation: "middle", nameGap: 26, nameTextStyle: { color: colour("soft") } }),
      yAxis: axis({ type: "value", minInterval: 1, splitNumber: 4 }),
      series: [{ type: "bar", name: said.count, barCategoryGap: "8%",
        data: bins.map((bin) => ({ value: bin.count, itemStyle: { color: toned(signed(bin)) } })) }],
    });
  };

  charts.excursions = () => {
    const points = (wanted) => values.trades.map((trade, place) => ({ trade: trade, place: place }))
      .filter((each) => each.trade.adverse_bp !== null && (each.trade.net > 0) === wanted)
      .map((each) => ({ value: [each.trade.adverse_bp, each.trade.favourable_bp], place: each.place }));
    const cloud = (name, wanted, tint, symbol) => ({ name: name, type: "scatter", symbol: symbol, symbolSize: 7, data: points(wanted), itemStyle: { color: tint, opacity: 0.65 } });
    return settings({
      grid: { left: 58, right: 18, top: 34, bottom: 42 }, legend: legend(),
      tooltip: {
        trigger: "item", renderMode: "richText", confine: true,
        formatter: (point) => {
          const trade = values.trades[point.data.place];
          return title(trade) + "\nMAE  " + bp(trade.adverse_bp) + "\nMFE  " + bp(trade.favourable_bp) + "\n" + said.net + "  " + bp(trade.net_bp);
        },
      },
      xAxis: plainAxis("MAE (bp)", { nameGap: 26, min: 0 }), yAxis: plainAxis("MFE (bp)", { nameGap: 42, min: 0 }),
      series: [cloud(said.winners, true, colour("gain"), "circle"), cloud(said.losers, false, colour("loss"), "diamond")],
    });
  };

  charts.group = (node) => {
    const rows = values.groups[node.dataset.group].filter((row) => !row.total);
    const name = (row) => (node.dataset.group === "hour" ? row.name + ":00" : words.classes[row.name] || row.name);
    return settings({
      grid: { left: 56, right: 14, top: 10, bottom: 44 },
      tooltip: {
        trigger: "axis", axisPointer: { type: "shadow" }, renderMode: "richText", confine: true,
        formatter: (points) => name(rows[points[0].dataIndex]) + "\n" + said.net + "  " + won(points[0].value) + "\n" + said.trades + "  " + rows[points[0].dataIndex].trades,
      },
      xAxis: axis({ type: "category", data: rows.map(name), axisTick: { show: false }, axisLabel: { color: colour("soft"), interval: 0, fontSize: 11, lineHeight: 13, width: Math.max(40, (node.clientWidth - 80) / rows.length - 6), overflow: "break" } }), yAxis: moneyAxis({ splitNumber: 3 }),
      series: [{ type: "bar", name: said.net, barMaxWidth: 40, data: rows.map((row) => ({ value: row.net, itemStyle: { color: toned(row.net), borderRadius: 3 } })) }],
    });
  };

  charts.comparison = () => {
    const tints = { strategy: "accent", intraday: "exiting", universe: "soft", hold: "third", KOSPI: "ink", KOSDAQ: "fourth" };
    const lines = values.comparison.lines, dates = [""].concat(values.comparison.dates);
    return settings({
      grid: { left: 56, right: 16, top: 12, bottom: 28 },
      tooltip: {
        trigger: "axis", renderMode: "richText", confine: true,
        formatter: (points) => points[0].name && [points[0].name].concat(points.map((point) => point.seriesName + "  " + won(point.value))).join("\n"),
      },
      xAxis: axis({ type: "category", data: dates, splitLine: { show: false } }),
      yAxis: moneyAxis(),
      series: lines.map((line) => ({
        name: words.lines[line.key] || line.key, type: "line", showSymbol: false, data: [0].concat(line.results),
        lineStyle: { width: line.key === "strategy" ? 3 : 1.6, type: line.key === "strategy" ? "solid" : { intraday: "dashed", universe: "dotted" }[line.key] || "solid" },
        itemStyle: { color: colour(tints[line.key] || "soft") },
      })),
    });
  };

  // Candles. The library's build has no candlesticks: two stacks of bars on the same prices stand for them.
  const views = values.charts ? values.charts.views : [];
  const picker = document.querySelector(".picker select");
  let current = Math.max(0, views.findIndex((view) => view.prices));

  const title = (one) => [one.symbol, one.name === one.symbol ? "" : one.name].join(" ").trim();
  const tradeOf = (view) => ("trade" in view ? values.trades[view.trade] : values.left[view.left]);
  const moment = (at) => new Date(at + haru.KST).toISOString().slice(0, 16).replace("T", " ");
  const clockOf = (minute) => String(Math.floor(minute / 60)).padStart(2, "0") + ":" + String(minute % 60).padStart(2, "0");

  function unpacked(text) {
    const numbers = [];
    let value = 0, shift = 0;
    for (const each of text) {
      const digit = digits.indexOf(each);
      value += (digit & 31) * 2 ** shift;
      shift += 5;
      if (!(digit & 32)) {
        numbers.push(value % 2 ? -(value - 1) / 2 : value / 2);
        value = shift = 0;
      }
    }
    return numbers;
  }

  function line(text, unit) {
    let sum = 0;
    return text === undefined ? [] : unpacked(text).map((step) => (sum += step) * unit);
  }

  function barsOf(found) {
    const numbers = unpacked(found.bars), absent = new Set(found.gaps), unit = found.unit;
    const vwap = line(found.vwap, unit), average = line(found.average, unit), bars = [];
    let minute = found.from - 1, close = 0;
    for (let place = 0; place < numbers.length; place += 4) {
      do minute += 1; while (absent.has(minute));
      const open = close + numbers[place] * unit;
      close = open + numbers[place + 1] * unit;
      const high = Math.max(open, close) + numbers[place + 2] * unit, low = Math.min(open, close) - numbers[place + 3] * unit;
      bars.push({ minute: minute, open: open, high: high, low: low, close: close, vwap: vwap[place / 4], average: average[place / 4] });
    }
    return bars;
  }

  function grouped(bars, step) {
    const start = Math.floor(bars[0].minute / step) * step, end = bars[bars.length - 1].minute;
    const slots = Array.from({ length: Math.floor((end - start) / step) + 1 }, () => null);
    bars.forEach((bar) => {
      const place = Math.floor((bar.minute - start) / step), slot = slots[place];
      slots[place] = slot === null ? Object.assign({}, bar) : Object.assign(slot, {
        high: Math.max(slot.high, bar.high), low: Math.min(slot.low, bar.low), close: bar.close, vwap: bar.vwap, average: bar.average,
      });
    });
    return { start: start, step: step, slots: slots };
  }

  function candles(node) {
    const view = views[current], found = view.prices && values.charts.prices[view.prices];
    if (!found) return settings({ xAxis: { show: false }, yAxis: { show: false }, series: [] });
    const bars = barsOf(found), room = Math.max(120, node.clientWidth - 80);
    const step = [1, 2, 3, 5, 10, 15].find((each) => room / (bars.length / each) >= 2.8) || 30;
    const chart = grouped(bars, step), slots = chart.slots, trade = tradeOf(view);
    const midnight = Date.parse(view.prices.slice(0, 10)) - haru.KST;
    const place = (minute) => Math.min(Math.max(Math.floor((minute - chart.start) / step), 0), slots.length - 1);
    const placeAt = (at) => place((at - midnight) / 60000);
    const entered = placeAt(trade.opened_at), left = trade.closed_at ? placeAt(trade.closed_at) : slots.length - 1;
    const entryPrice = trade.entry_price || trade.cost / trade.quantity;
    const held = (value) => slots.map((_, at) => (at >= entered && at <= left ? value(at) : null));
    const trailing = (at) => {
      const steps = view.trailing.filter((each) => place(each[0]) <= at);
      return steps.length ? steps[steps.length - 1][1] : null;
    };
    const shown = slots.filter(Boolean);
    const all = shown.flatMap((bar) => [bar.high, bar.low]).concat(
      [view.stop, view.target, entryPrice, trade.exit_price], view.trailing.map((each) => each[1])).filter((price) => typeof price === "number");
    const low = Math.min(...all), high = Math.max(...all), pad = (high - low) * 0.05 || 1;
    const times = slots.map((_, at) => clockOf(chart.start + at * step));
    const marks = { [entered]: [], [left]: [] };
    const note = (at, text) => (marks[at] = marks[at] || []).push(text);
    note(entered, "▲ " + said.entry + "  " + won(entryPrice));
    if (trade.closed_at) note(left, "▼ " + said.exit + "  " + won(trade.exit_price) + "  " + (words.reasons[trade.exit_reason] || trade.exit_reason));
    const refused = view.refused.map((each) => {
      note(place(each[0]), "✕ " + said.refused + "  " + (words.denials[each[1]] || each[1]));
      const bar = slots[place(each[0])];
      return [place(each[0]), bar ? bar.high : high];
    });
    const strip = (taken) => slots.map((_, at) => ((view.signals || []).some((run) =>
      Boolean(run[2]) === taken && run[0] < chart.start + (at + 1) * step && run[1] >= chart.start + at * step) ? 1 : null));
    const bar = (more) => Object.assign({ type: "bar", silent: true, barMinHeight: 0, barCategoryGap: "20%" }, more);
    const flat = (name, data, tint, more) => Object.assign({ name: name, type: "line", data: data, showSymbol: false, lineStyle: { width: 1.5, color: tint }, itemStyle: { color: tint } }, more);
    const mark = (name, at, price, shape, turn, tint) => ({
      name: name, type: "scatter", symbol: shape, symbolRotate: turn, symbolSize: 13, z: 8, data: price ? [[at, price]] : [],
      itemStyle: { color: tint, borderColor: colour("card"), borderWidth: 1.5 },
    });
    const rising = (slot) => slot.close >= slot.open;
    const category = (index, more) => Object.assign({ type: "category", data: times, gridIndex: 0 }, index ? { show: false } : {}, more);
    const series = [
      bar({ stack: "wick", xAxisIndex: 1, barWidth: 1, itemStyle: { color: "transparent" }, data: slots.map((slot) => slot && slot.low) }),
      bar({ stack: "wick", xAxisIndex: 1, barWidth: 1, data: slots.map((slot) => slot && { value: slot.high - slot.low, itemStyle: { color: toned(rising(slot) ? 1 : -1) } }) }),
      bar({ stack: "body", itemStyle: { color: "transparent" }, data: slots.map((slot) => slot && Math.min(slot.open, slot.close)) }),
      bar({ name: withCount(said.candles, step), stack: "body", barMinHeight: 1, itemStyle: { color: colour("gain") },
        data: slots.map((slot) => slot && { value: Math.abs(slot.close - slot.open), itemStyle: { color: toned(rising(slot) ? 1 : -1) } }) }),
      flat(withCount(said.average, values.charts.average_of), slots.map((slot) => slot && slot.average), colour("ink"), { connectNulls: true, lineStyle: { width: 1.2 } }),
      mark(said.entry, entered, entryPrice, "triangle", 0, colour("ink")),
      mark(said.exit, left, trade.closed_at && trade.exit_price, "triangle", 180, colour("accent")),
    ];
    if (found.vwap) series.push(flat(said.vwap, slots.map((slot) => slot && slot.vwap), colour("third"), { connectNulls: true, lineStyle: { width: 1.2 } }));
    if (view.stop) series.push(flat(said.stop, held(() => view.stop), colour("warn"), { lineStyle: { width: 1.5, type: "dashed" } }));
    if (view.target) series.push(flat(said.target, held(() => view.target), colour("fourth"), { lineStyle: { width: 1.5, type: "dashed" } }));
    if (view.trailing.length) series.push(flat(said.trailing, held(trailing), colour("exiting"), { step: "end", lineStyle: { width: 2 } }));
    if (refused.length) series.push({ name: said.refused, type: "scatter", symbol: "path://M0,0L10,10M10,0L0,10", symbolSize: 9, data: refused, itemStyle: { color: "transparent", borderColor: colour("warn"), borderWidth: 2 }, z: 7 });
    [[said.signal, false, "soft"], [said.signal_taken, true, "accent"]].forEach(([name, taken, tint]) => {
      const data = strip(taken);
      if (data.some(Boolean)) series.push(bar({ name: name, xAxisIndex: 2, yAxisIndex: 1, stack: "signals", barCategoryGap: "0%", data: data, itemStyle: { color: colour(tint), opacity: 0.7 } }));
    });
    return settings({
      grid: [{ left: 62, right: 14, top: room < 500 ? 88 : 56, bottom: 52 }, { left: 62, right: 14, height: 8, bottom: 26 }],
      legend: Object.assign(legend(), { data: series.map((each) => each.name).filter(Boolean), selectedMode: true }),
      tooltip: {
        trigger: "axis", renderMode: "richText", confine: true, axisPointer: { type: "line", lineStyle: { color: colour("soft") } },
        formatter: (points) => {
          const at = points[0].dataIndex, slot = slots[at];
          const rows = slot ? ["open", "high", "low", "close"].map((name) => said[name] + "  " + won(slot[name])) : [];
          if (slot && slot.vwap) rows.push(said.vwap + "  " + won(Math.round(slot.vwap)));
          return [times[at]].concat(rows, marks[at] || []).join("\n");
        },
      },
      xAxis: [axis(category(0, { splitLine: { show: false }, axisTick: { show: false }, axisLabel: { color: colour("soft"), hideOverlap: true, interval: (at) => (chart.start + at * step) % (room < 500 ? 60 : 30) < step } })), category(1), category(2, { gridIndex: 1 })],
      yAxis: [axis({ type: "value", min: low - pad, max: high + pad, splitNumber: 4, axisLabel: { color: colour("soft"), formatter: (value) => won(Math.round(value)), hideOverlap: true, showMinLabel: false, showMaxLabel: false } }),
        { type: "value", gridIndex: 1, min: 0, max: 1, show: false }],
      series: series,
    });
  }
  charts.candles = candles;

  function show(place, wanted) {
    if (!picker) return;
    current = (place + views.length) % views.length;
    picker.value = String(current);
    const view = views[current], trade = tradeOf(view), found = view.prices && values.charts.prices[view.prices];
    const facts = document.querySelector(".facts"), about = document.querySelector("#charts .about");
    const parts = [title(trade), moment(trade.opened_at) + (trade.closed_at ? "–" + moment(trade.closed_at).slice(11) : "  " + said.held)];
    if (trade.closed_at) parts.push(words.reasons[trade.exit_reason] || trade.exit_reason, won(trade.net) + " " + words.won + " (" + (trade.net_bp === null ? "–" : bp(trade.net_bp)) + ")");
    facts.textContent = parts.join(" · ");
    facts.classList.toggle("gain", trade.net > 0);
    facts.classList.toggle("loss", trade.net < 0);
    about.textContent = found ? [trade.why || "", found.whole ? "" : words.notes.held_only].filter(Boolean).join(" · ") : words.notes.no_chart;
    redraw("candles");
    if (wanted) document.getElementById("charts").scrollIntoView({ block: "start" });
  }

  if (picker) {
    views.forEach((view, place) => {
      const trade = tradeOf(view), option = document.createElement("option");
      option.value = String(place);
      option.textContent = moment(trade.opened_at) + "  " + title(trade) + (trade.closed_at ? "  " + won(trade.net) : "");
      picker.append(option);
    });
    picker.addEventListener("change", () => show(Number(picker.value), false));
    document.querySelectorAll(".picker [data-step]").forEach((button) =>
      button.addEventListener("click", () => show(current + Number(button.dataset.step), false)));
    document.querySelectorAll("[data-view]").forEach((button) =>
      button.addEventListener("click", () => {
        show(Number(button.dataset.view), true);
        picker.focus({ preventScroll: true });
      }));
    haru.clicked.excursions = (point) => show(point.data.place, true);
    document.addEventListener("DOMContentLoaded", () => show(current, false));
  }
})();
