"use strict";
// A held position in detail: candles with the lines of its exit rules, read again every two seconds while it is shown.
(function () {
  const { words, up, $, won, signed, fill, duration, cell, draw, say } = window.haru;
  const EVERY = 2000, library = window.LightweightCharts;
  const LINES = { entry: "--ink", stop_loss: "--warn", take_profit: "--third", trend_break: "--soft" };
  let shown = "", chart = null, known = null, orders = [];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function begin(found) {
    const box = $("candles");
    box.replaceChildren();
    chart = library.createChart(box, {
      autoSize: true,
      layout: { background: { color: "transparent" }, textColor: colour("--soft"), attributionLogo: false, fontSize: 12 },
      grid: { vertLines: { color: colour("--line") }, horzLines: { color: colour("--line") } },
      timeScale: { timeVisible: true, secondsVisible: false, borderColor: colour("--line"), rightOffset: 4 },
      rightPriceScale: { borderColor: colour("--line") },
      localization: { priceFormatter: (price) => won(Math.round(price)) },
      handleScroll: { vertTouchDrag: false },
    });
    const gain = colour("--gain"), loss = colour("--loss");
    const candles = chart.addSeries(library.CandlestickSeries, { upColor: gain, borderUpColor: gain, wickUpColor: gain, downColor: loss, borderDownColor: loss, wickDownColor: loss, priceLineVisible: true });
    const line = (name, more) => chart.addSeries(library.LineSeries, { color: colour(name), lineWidth: 2, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false, ...more });
    known = { id: found.id, candles, trail: line("--gain-line", { lineType: library.LineType.WithSteps }), average: line("--accent", {}), lines: {}, marks: library.createSeriesMarkers(candles, []), sent: {}, fitted: false };
  }

  // Only what is new is given to the chart, so that zoom and scrolling stay where they are.
  function feed(series, name, points, isFirst) {
    const text = points.map((each) => JSON.stringify(each)), before = known.sent[name] || [];
    const same = before.findIndex((each, place) => each !== text[place]), first = same < 0 ? before.length : same;
    if (isFirst || first < before.length - 1 || points.length < before.length) series.setData(points);
    else points.slice(Math.max(first, 0)).forEach((each) => series.update(each));
    known.sent[name] = text;
  }

  function drawLines(found) {
    const levels = Object.fromEntries(found.exits.filter((each) => each.price && !each.waits && LINES[each.rule]).map((each) => [each.rule, each.price]));
    levels.entry = found.entry;
    Object.keys(LINES).forEach((name) => {
      const title = words.legend[name];
      if (levels[name] === undefined) {
        if (known.lines[name]) known.candles.removePriceLine(known.lines[name]);
        delete known.lines[name];
      } else if (known.lines[name]) known.lines[name].applyOptions({ price: levels[name] });
      else known.lines[name] = known.candles.createPriceLine({ price: levels[name], color: colour(LINES[name]), lineWidth: 1, lineStyle: name === "entry" ? 0 : 2, axisLabelVisible: true, title });
    });
    return levels;
  }

  function drawChart(found) {
    const isFirst = !known || known.id !== found.id;
    if (isFirst) {
      if (chart) chart.remove();
      begin(found);
    }
    feed(known.candles, "bars", found.bars.map(([time, open, high, low, close]) => ({ time, open, high, low, close })), isFirst);
    const end = found.bars.length ? found.bars[found.bars.length - 1][0] : 0;
    const trail = found.trail.map(([time, value]) => ({ time, value })).filter((each) => each.time <= end);
    if (trail.length && trail[trail.length - 1].time < end) trail.push({ time: end, value: trail[trail.length - 1].value });
    feed(known.trail, "trail", trail, isFirst);
    feed(known.average, "average", found.average.map(([time, value]) => ({ time, value })), isFirst);
    const levels = drawLines(found), times = new Set(found.bars.map((each) => each[0]));
    known.marks.setMarkers(found.fills.filter((each) => times.has(each.time)).map((each) => ({
      time: each.time, position: each.side === "buy" ? "belowBar" : "aboveBar", shape: each.side === "buy" ? "arrowUp" : "arrowDown", color: colour("--accent"),
      text: `${words.sides[each.side]} ${won(each.quantity)} × ${won(each.price)}`,
    })));
    if (!known.fitted && found.bars.length) { chart.timeScale().setVisibleLogicalRange({ from: -5, to: found.bars.length + 3 }); known.fitted = true; }
    return levels;
  }

  function drawLegend(found, levels) {
    const about = Object.keys(levels).map((name) => [LINES[name], `${words.legend[name]} ${won(Math.round(levels[name]))}`]);
    if (found.trail.length) about.push(["--gain-line", `${words.legend.trailing_stop} ${won(Math.round(found.trail[found.trail.length - 1][1]))}`]);
    if (found.average.length) about.push(["--accent", `${fill(words.legend.average, { minutes: found.average_minutes })} ${won(Math.round(found.average[found.average.length - 1][1]))}`]);
    about.push(["--soft", `${words.best} ${won(found.best)}`]);
    $("legend").replaceChildren(...about.map(([name, text]) => {
      const item = document.createElement("li"), mark = document.createElement("i");
      mark.dataset.colour = name.slice(2);
      item.append(mark, text);
      return item;
    }));
  }

  function drawFacts(found) {
    say($("position-held"), `× ${won(found.quantity)} · ${words.entry} ${won(found.entry)} · ${words.last} ${won(found.last)}`);
    $("exits").tBodies[0].replaceChildren(...found.exits.map((each) => {
      const row = document.createElement("tr");
      const at = each.at ? fill(words.in_time, { at: each.at, duration: duration(each.seconds) }) : each.waits ? fill(words.arms, { price: won(each.price) }) : won(each.price);
      const far = each.at ? "" : `${signed(each.won)} ${words.won} (${signed(each.percent)} %)`;
      row.append(cell(each.said), cell(at, "number"), cell(far, "number"));
      return row;
    }));
    say($("why"), `${found.why.strategy}: ${found.why.reason || "–"}`);
    say($("why-at"), fill(words.bought_at, { at: found.why.at, decided: won(found.why.decided) }));
    const parameters = Object.entries(found.why.parameters).map(([name, value]) => `${name} ${value}`);
    say($("why-parameters"), parameters.length ? `${words.parameters}: ${parameters.join(" · ")}` : "");
    drawFlight();
  }

  function drawFlight() {
    const row = orders.find((each) => each.id === shown), order = row && row.order;
    const text = JSON.stringify(order || null), box = $("flight");
    if (box.dataset.text === text) return;
    box.dataset.text = text;
    box.replaceChildren(...(order ? window.haru.flight(order).childNodes : [words.none_in_flight]));
  }

  async function read() {
    if (!shown) return;
    const asked = shown, reply = await fetch(`${up}positions/${encodeURIComponent(asked)}?lang=${words.language}`).catch(() => null);
    if (asked !== shown) return;
    $("position-old").hidden = Boolean(reply && reply.status < 500);
    if (!reply || reply.status >= 500) return;
    if (!reply.ok) { show(""); return; }
    const found = await reply.json();
    if (asked !== shown) return;
    const title = `${found.symbol} ${found.name}`;
    say($("position-title"), title);
    $("candles").setAttribute("aria-label", fill(words.chart_of, { stock: title }));
    $("no-bars").hidden = found.bars.length > 0;
    drawLegend(found, drawChart(found));
    drawFacts(found);
  }

  function show(id) {
    shown = id;
    $("position").hidden = !id;
    document.querySelectorAll("button[data-position]").forEach((each) => each.setAttribute("aria-expanded", String(each.dataset.position === id)));
    if (!id && chart) { chart.remove(); chart = known = null; }
    $("flight").dataset.text = "";
    return read();
  }

  const before = draw.positions;
  draw.positions = (rows) => {
    before(rows);
    orders = rows;
    document.querySelectorAll("button[data-position]").forEach((each) => each.setAttribute("aria-expanded", String(each.dataset.position === shown)));
    if (shown) drawFlight();
  };
  document.addEventListener("click", (event) => {
    const asked = event.target.closest("button[data-position]");
    if (asked) show(shown === asked.dataset.position ? "" : asked.dataset.position).then(() => { if (shown) $("position").focus({ preventScroll: true }); });
  });
  $("position-close").addEventListener("click", () => {
    const opener = document.querySelector(`button[data-position="${CSS.escape(shown)}"]`);
    show("");
    if (opener) opener.focus();
  });
  // The colours of a chart do not follow the page's by themselves.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (shown) { known = null; read(); } });
  setInterval(read, EVERY);
})();
