"use strict";
// Draws a position's prices and the levels of its exit rules. Texts of the server are never markup.
window.haruChart = (function () {
  const NS = "http://www.w3.org/2000/svg", WIDTH = 1000, HEIGHT = 220, EDGE = 10;
  const node = (name, about) => {
    const made = document.createElementNS(NS, name);
    Object.entries(about).forEach(([key, value]) => made.setAttribute(key, String(value)));
    return made;
  };
  return function draw(found, label) {
    const prices = found.bars.flatMap((bar) => [bar[1], bar[2]]).concat(Object.values(found.levels));
    const low = Math.min(...prices), high = Math.max(...prices), first = found.bars.length ? found.bars[0][0] : 0;
    const last = found.bars.length ? Math.max(found.bars[found.bars.length - 1][0], first + 1) : 1;
    const x = (minute) => (minute - first) / (last - first) * WIDTH;
    const y = (price) => HEIGHT - EDGE - (price - low) / ((high - low) || 1) * (HEIGHT - 2 * EDGE);
    const svg = node("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
    Object.entries(found.levels).forEach(([name, price]) => svg.append(node("line", { x1: 0, x2: WIDTH, y1: y(price), y2: y(price), "data-of": name })));
    svg.append(node("polyline", { points: found.bars.map((bar) => `${x(bar[0])},${y(bar[3])}`).join(" ") }));
    return svg;
  };
})();
