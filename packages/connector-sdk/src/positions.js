// @ts-check
/** Where a stream, or one classification of it, is read; shared by all its readers. */
class Position {
  /** Rows that were given out. */
  rows = 0;
  /** The cursor of the Container API may stand elsewhere: behind rows that were sent and not given out. */
  uncertain = false;
  busy = false;
  /** Grows with every restart of the cursor. */
  restarts = 0;
}

/** The positions of a run. A Container API has one cursor per stream and one per classification of it. */
export class Positions {
  /** @type {Map<string, Map<number | undefined, Position>>} */
  #streams = new Map();

  /**
   * @param {string} stream
   * @param {number | undefined} classification
   */
  of(stream, classification) {
    const positions = this.#streams.get(stream) ?? new Map();
    this.#streams.set(stream, positions);
    const position = positions.get(classification) ?? new Position();
    positions.set(classification, position);
    return position;
  }

  /**
   * Notes that a cursor is set to the first row; that of a whole stream takes those of its classifications along.
   *
   * @param {string} stream
   * @param {number | undefined} classification
   */
  restarted(stream, classification) {
    if (classification !== undefined) {
      this.of(stream, classification).restarts += 1;
      return;
    }
    for (const [id, position] of this.#streams.get(stream) ?? []) {
      position.restarts += 1;
      if (id !== undefined) position.uncertain = true;
    }
  }
}
