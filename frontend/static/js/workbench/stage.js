/** The picture with everything drawn over it. */

import { around } from "../models/boxes.js";
import { lineColour } from "../models/colour.js";
import { Viewport } from "../models/viewport.js";
import { byId, onFrame } from "./dom.js";
import { Grade } from "./grade.js";
import { Outlines } from "./outlines.js";
import { changedBetween, FILL, FILL_SELECTED, Overlay } from "./overlay.js";

const NOWHERE = { x: 0, y: 0, w: 0, h: 0 };
const GRID_FROM = 10; // screen px a picture px, from where on single pixels are outlined

/** @typedef {import("./bench.js").Bench} Bench */
/** @typedef {(g: CanvasRenderingContext2D, stage: Stage) => void} Painter drawn in picture coordinates */

export class Stage {
  /** @type {import("./overlay.js").Layer[]} */
  #layers = [];
  /** @type {import("../models/rle.js").Box} where the masks have changed since they were last filled in */
  #dirty = NOWHERE;
  /** @type {Painter[]} */
  #painters = [];

  /** @param {Bench} bench */
  constructor(bench) {
    this.bench = bench;
    this.view = new Viewport();
    this.view.picture = { w: bench.clip.width, h: bench.clip.height };
    this.overlay = new Overlay(bench.clip.width, bench.clip.height);
    this.outlines = new Outlines(this);
    this.element = /** @type {HTMLElement} */ (byId("stage"));
    this.picture = /** @type {HTMLCanvasElement} */ (byId("picture"));
    this.ornaments = /** @type {HTMLCanvasElement} */ (byId("ornaments"));
    this.grade = new Grade();
    /** @type {import("./layer_pictures.js").LayerPictures | null} */
    this.layerPictures = null;
    this.masksShown = true;
    this.proposalsShown = true;
    /** @type {Painter | null} the tool's own drawing: cursor, corners, box */
    this.ornament = null;
    this.redraw = onFrame(() => this.#draw());
    this.redrawOrnaments = onFrame(() => this.#drawOrnaments());
    new ResizeObserver(() => this.#resize()).observe(this.element);
    bench.on("frame selection label shown", () => this.recompose());
    bench.on("work selection brush tools", () => this.redrawOrnaments());
    bench.on("work", ({ frames }) => (frames === null || frames.has(bench.frame)) && this.recompose());
    bench.on("proposals", () => this.redraw());
    bench.on("live", (dirty) => (dirty ? this.#recomposePart(dirty) : this.recompose()));
    bench.proposalMasks.on("loaded", () => this.redraw());
    bench.player.frames.on("sharpened", (frame) => frame === bench.frame && this.redraw());
  }

  /** Something more to draw over the masks: evidence, a conflict. @param {Painter} painter */
  addPainter(painter) {
    this.#painters.push(painter);
    this.redraw();
  }

  /** Bring a part of the picture into sight. @param {import("../models/rle.js").Box} box picture px */
  reveal(box) {
    if (!this.view.reveal(box)) return;
    this.redraw();
    this.redrawOrnaments();
  }

  /** One screen px in picture px. */
  get hair() {
    return 1 / this.view.scale;
  }

  recompose() {
    const layers = this.#compose();
    const dirty = changedBetween(this.#layers, layers);
    this.#layers = layers;
    this.outlines.wilt(dirty);
    this.#recomposePart(dirty);
  }

  /** Filled in before the next drawing: a pointer moves several times in between. @param {import("../models/rle.js").Box} dirty */
  #recomposePart(dirty) {
    this.#dirty = around(this.#dirty, dirty);
    this.redraw();
  }

  #compose() {
    const { bench } = this;
    if (!this.masksShown || bench.frame < 0) return [];
    const selected = bench.track?.id;
    /** @type {import("./overlay.js").Layer[]} */
    const layers = bench.work
      .masksOn(bench.frame)
      .filter((mask) => !bench.shown.isHidden(mask.track) && (bench.whole || mask.track !== bench.live?.track))
      .map((mask) => ({
        raster: bench.tileOf(mask),
        changes: 0,
        colour: bench.colourOf(bench.work.get("tracks", mask.track).label),
        opacity: mask.track === selected || bench.also.has(mask.track) ? FILL_SELECTED : FILL,
      }));
    if (bench.live && !bench.whole) {
      const { raster, label } = bench.live;
      layers.push({ raster, changes: raster.changes, colour: bench.colourOf(label), opacity: FILL_SELECTED });
    }
    return layers;
  }

  #resize() {
    const { width, height } = this.element.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.picture, this.ornaments]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.view.resize(width, height);
    this.#draw();
    this.#drawOrnaments();
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @returns {CanvasRenderingContext2D} cleared, in picture coordinates
   */
  #open(canvas) {
    const g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const ratio = window.devicePixelRatio || 1;
    const { scale, x, y } = this.view;
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.clearRect(0, 0, canvas.width, canvas.height);
    g.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * x, ratio * y);
    return g;
  }

  #draw() {
    const { bench, view } = this;
    Object.assign(this.element.dataset, { scale: view.scale, x: view.x, y: view.y });
    this.element.dataset.proposals = bench.proposalMasks.has(bench.frame) ? "drawn" : "coming";
    byId("zoom").textContent = `${Math.round(view.scale * 100)} %`;
    const g = this.#open(this.picture);
    const picture = bench.player.frames.about(bench.frame);
    if (!picture) return;
    const { bitmap, exact, route } = picture;
    Object.assign(this.element.dataset, { frame: bench.frame, route, exact });
    // From twice the size on a pixel is shown as what it is, a square.
    g.imageSmoothingEnabled = view.scale < 2;
    g.imageSmoothingQuality = "high";
    g.drawImage(this.grade.of(bitmap), 0, 0, view.picture.w, view.picture.h);
    this.#drawLayerPicture(g);
    this.overlay.draw(this.#layers, this.#dirty);
    this.#dirty = NOWHERE;
    if (this.#layers.length) g.drawImage(this.overlay.canvas, 0, 0);
    if (view.scale >= GRID_FROM) this.#drawGrid(g);
    const live = bench.live?.raster;
    this.outlines.draw(
      g,
      this.#layers.filter(({ raster }) => raster !== live),
    );
    if (bench.live && !bench.whole) {
      this.outline(g, this.overlay.pathOf(bench.live.raster), lineColour(bench.colourOf(bench.live.label)), 2);
    }
    if (this.proposalsShown) this.#drawProposals(g);
    for (const paint of this.#painters) paint(g, this);
  }

  /** What machines made of this frame. @param {CanvasRenderingContext2D} g */
  #drawLayerPicture(g) {
    const { layerPictures: layer, view } = this;
    const picture = layer?.get(this.bench.frame);
    this.element.dataset.layerShown = String(Boolean(picture));
    if (!layer || !picture) return;
    g.globalAlpha = layer.opacity;
    g.drawImage(picture, 0, 0, view.picture.w, view.picture.h);
    g.globalAlpha = 1;
  }

  /**
   * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} g
   * @param {Path2D} path
   * @param {string} colour
   * @param {number} width screen px
   * @param {number[]} [dash] screen px
   */
  outline(g, path, colour, width, dash = []) {
    g.lineJoin = "round";
    // Dark under light, so that the line is seen on any picture.
    g.setLineDash([]);
    g.strokeStyle = "rgb(0 0 0 / 45%)";
    g.lineWidth = (width + 1.5) * this.hair;
    if (!dash.length) g.stroke(path);
    g.setLineDash(dash.map((length) => length * this.hair));
    g.strokeStyle = colour;
    g.lineWidth = width * this.hair;
    g.stroke(path);
    g.setLineDash([]);
  }

  /** @param {CanvasRenderingContext2D} g */
  #drawProposals(g) {
    const { bench } = this;
    const selected = bench.proposal;
    for (const proposal of bench.proposals.masksOn(bench.frame)) {
      const counts = bench.proposalMasks.maskOf(proposal.id, bench.frame);
      // While it is being painted on, the stroke's own mask is what counts.
      if (!counts || (bench.live && proposal === selected)) continue;
      const path = this.overlay.pathOf(bench.tileOf({ counts }));
      const colour = bench.colourOf(proposal.label);
      if (proposal === selected) {
        g.globalAlpha = FILL;
        g.fillStyle = colour;
        g.fill(path, "evenodd");
        g.globalAlpha = 1;
      }
      this.outline(g, path, "rgb(0 0 0 / 55%)", 2.5);
      this.outline(g, path, lineColour(colour), proposal === selected ? 2 : 1.5, [5, 4]);
    }
  }

  /** @param {CanvasRenderingContext2D} g */
  #drawGrid(g) {
    const { view } = this;
    const [left, top] = view.toPicture(0, 0).map(Math.floor);
    const [right, bottom] = view.toPicture(view.stage.w, view.stage.h).map(Math.ceil);
    const [x0, x1] = [Math.max(0, left), Math.min(view.picture.w, right)];
    const [y0, y1] = [Math.max(0, top), Math.min(view.picture.h, bottom)];
    g.beginPath();
    for (let x = x0; x <= x1; x += 1) {
      g.moveTo(x, y0);
      g.lineTo(x, y1);
    }
    for (let y = y0; y <= y1; y += 1) {
      g.moveTo(x0, y);
      g.lineTo(x1, y);
    }
    g.strokeStyle = "rgb(255 255 255 / 12%)";
    g.lineWidth = this.hair;
    g.stroke();
  }

  #drawOrnaments() {
    const g = this.#open(this.ornaments);
    this.ornament?.(g, this);
  }
}
