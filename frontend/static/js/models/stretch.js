/** A stretch of coded packets as the server sends it: annotation/media/packets.py says how it is laid out. */

const MAGIC = 0x314b504c; // "LPK1"
const HEADER = 4; // words
const RECORD = 4;

export class Stretch {
  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    const words = new Uint32Array(buffer, 0, Math.min(HEADER, buffer.byteLength >> 2));
    if (words.length < HEADER || words[0] !== MAGIC) throw new Error("These are no packets of a clip.");
    const [, start, end, count] = words;
    const records = new Uint32Array(buffer, 4 * HEADER, RECORD * count);
    this.start = start;
    this.end = end;
    this.bytes = buffer.byteLength;
    /** @type {number[]} per packet the frame it shows, -1 for none */
    this.frames = [];
    /** @type {boolean[]} */
    this.keys = [];
    /** @type {Uint8Array[]} */
    this.packets = [];
    /** @type {Map<number, number>} the checksum that proves a frame */
    this.crc = new Map();
    let at = 4 * (HEADER + records.length);
    for (let i = 0; i < records.length; i += RECORD) {
      const frame = records[i] | 0;
      this.frames.push(frame);
      if (frame >= 0) this.crc.set(frame, records[i + 1]);
      this.packets.push(new Uint8Array(buffer, at, records[i + 2]));
      this.keys.push((records[i + 3] & 1) === 1);
      at += records[i + 2];
    }
  }

  /** @param {number} frame */
  holds(frame) {
    return this.start <= frame && frame < this.end && this.crc.has(frame);
  }

  /**
   * Where to begin decoding for a frame: at the last key packet that shows it or an earlier one.
   *
   * @param {number} frame
   * @returns {number} a packet
   */
  beginFor(frame) {
    let found = 0;
    this.keys.forEach((key, i) => {
      if (key && this.frames[i] >= 0 && this.frames[i] <= frame) found = i;
    });
    return found;
  }

  /** The packet that brings a frame, in decoding order. @param {number} frame */
  packetOf(frame) {
    return this.frames.indexOf(frame);
  }
}
