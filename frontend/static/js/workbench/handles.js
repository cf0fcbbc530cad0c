/** Corners and the lines between them, as polygon and centreline show them. */

/** @typedef {[number, number]} Point */

/**
 * @param {CanvasRenderingContext2D} g
 * @param {Point[][]} rings
 * @param {{colour: string, hair: number, closed: boolean}} how hair: one screen px
 */
export function drawRings(g, rings, { colour, hair, closed }) {
  const path = new Path2D();
  for (const ring of rings) {
    if (ring.length) path.moveTo(ring[0][0], ring[0][1]);
    for (const [x, y] of ring) path.lineTo(x, y);
    if (closed) path.closePath();
  }
  for (const [style, width] of /** @type {[string, number][]} */ ([
    ["rgb(0 0 0 / 60%)", 3.5],
    [colour, 1.5],
  ])) {
    g.strokeStyle = style;
    g.lineWidth = width * hair;
    g.stroke(path);
  }
}

/**
 * @param {CanvasRenderingContext2D} g
 * @param {Point[][]} rings
 * @param {{colour: string, hair: number, hot?: {ring: number, index: number} | null}} how hot: the one pointed at
 */
export function drawHandles(g, rings, { colour, hair, hot = null }) {
  g.lineWidth = 1.25 * hair;
  rings.forEach((points, ring) => {
    points.forEach(([x, y], index) => {
      const isHot = hot?.ring === ring && hot.index === index;
      const half = (isHot ? 5 : 3) * hair;
      g.fillStyle = isHot ? colour : "#fff";
      g.strokeStyle = isHot ? "#fff" : "rgb(0 0 0 / 75%)";
      g.fillRect(x - half, y - half, 2 * half, 2 * half);
      g.strokeRect(x - half, y - half, 2 * half, 2 * half);
    });
  });
}
