// What the best trials cost: points of cost and reward, their Pareto front, and how both are drawn.
import { axes, plane, span, surface } from "./plane.js";

/** Indices of the points that no other beats (x small, y large), by x. One sort, no O(n²). */
export function front(points) {
  const order = points.map((_, i) => i);
  order.sort((a, b) => points[a].x - points[b].x || points[b].y - points[a].y);
  const found = [];
  let top = -Infinity;
  for (const i of order) {
    if (points[i].y > top) {
      found.push(i);
      top = points[i].y;
    }
  }
  return found;
}

/** Where the points lie on a canvas of `width` × `height` CSS pixels. */
export function layout(points, width, height) {
  const x = span(points.map((point) => point.x));
  return plane({ width, height, x, y: span(points.map((point) => point.y)) });
}

/** The index of the point nearest to (px, py), within 24 pixels, or -1. */
export function nearest(points, at, px, py) {
  let found = -1;
  let least = 24 ** 2;
  points.forEach((point, i) => {
    const distance = (at.x(point.x) - px) ** 2 + (at.y(point.y) - py) ** 2;
    if (distance < least) [found, least] = [i, distance];
  });
  return found;
}

function circle(pen, x, y, radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
}

function drawFront(pen, points, best, at, look) {
  pen.strokeStyle = look.front;
  pen.lineWidth = 1.8;
  pen.beginPath();
  best.forEach((i, place) => {
    const x = at.x(points[i].x);
    if (place) pen.lineTo(x, at.y(points[best[place - 1]].y));
    pen[place ? "lineTo" : "moveTo"](x, at.y(points[i].y));
  });
  pen.stroke();
  pen.fillStyle = look.card;
  for (const i of best) {
    circle(pen, at.x(points[i].x), at.y(points[i].y), 4);
    pen.fill();
    pen.stroke();
  }
}

/** Draw everything: axes, dots, front, and a ring around the point `chosen`. */
export function draw(canvas, points, best, at, look, chosen) {
  const pen = surface(canvas, at.width, at.height);
  axes(pen, at, look);
  pen.fillStyle = look.dot;
  pen.globalAlpha = points.length > 500 ? 0.5 : 0.8;
  for (const point of points) {
    if (points.length > 2000) pen.fillRect(at.x(point.x) - 1, at.y(point.y) - 1, 2, 2);
    else {
      circle(pen, at.x(point.x), at.y(point.y), 3);
      pen.fill();
    }
  }
  pen.globalAlpha = 1;
  drawFront(pen, points, best, at, look);
  if (chosen < 0) return;
  pen.strokeStyle = look.accent;
  pen.lineWidth = 2.5;
  circle(pen, at.x(points[chosen].x), at.y(points[chosen].y), 7);
  pen.stroke();
}
