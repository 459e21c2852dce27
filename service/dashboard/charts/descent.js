// Draws which trial came from which: faint edges under the dots, one line of descent in bold.
import { circle, dots } from "./pareto.js";

const EDGES = 250; // in one path: long ones take much longer than many short ones

/** A `paint` for the scatter plot: `parents` are pairs [number, its parent's]; the points of the line that
 * are among `gains` get a circle. */
export function descent(parents, gains) {
  return (pen, points, line, at, look) => {
    const where = new Map(points.map((point) => [point.number, point]));
    pen.strokeStyle = look.dot;
    pen.globalAlpha = parents.length > 500 ? 0.18 : 0.35;
    pen.lineWidth = 1;
    for (let first = 0; first < parents.length; first += EDGES) {
      pen.beginPath();
      for (const [child, parent] of parents.slice(first, first + EDGES)) {
        const [from, to] = [where.get(parent), where.get(child)];
        if (!from || !to) continue;
        pen.moveTo(at.x(from.x), at.y(from.y));
        pen.lineTo(at.x(to.x), at.y(to.y));
      }
      pen.stroke();
    }
    pen.fillStyle = look.dot;
    dots(pen, points, at);
    pen.strokeStyle = look.front;
    pen.lineWidth = 2.2;
    pen.lineJoin = "round";
    pen.beginPath();
    line.forEach((i) => pen.lineTo(at.x(points[i].x), at.y(points[i].y)));
    pen.stroke();
    pen.fillStyle = look.card;
    for (const i of line) {
      if (!gains.has(points[i].number)) continue;
      circle(pen, at.x(points[i].x), at.y(points[i].y), 4.5);
      pen.fill();
      pen.stroke();
    }
  };
}
