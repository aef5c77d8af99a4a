import type { FrameHeaders } from '../event/frame.ts';

/** Emitters remembered per partition. */
const maxEmitters = 10_000;

/** What a frame is, compared with what its emitter sent before. */
export interface Standing {
  /** Rows at its start that were seen before: a producer that got no answer sent them twice. */
  readonly doubled: number;
  /** Rows between the last one seen and this frame: lost before they reached the log, or with it. */
  readonly missing: number;
}

/** How far each emitter of one partition has been seen. The least recently heard goes first when there are too many. */
export class Marks {
  readonly #seqs: Map<string, number>;

  constructor(seqs: ReadonlyMap<string, number> = new Map()) {
    this.#seqs = new Map(seqs);
  }

  standing({ emitter, firstSeq, rows }: FrameHeaders): Standing {
    const mark = this.#seqs.get(emitter);
    // Nothing is known of an emitter that begins in the middle: its start may have left the log long ago.
    if (mark === undefined) return { doubled: 0, missing: 0 };
    return {
      doubled: Math.min(rows, Math.max(0, mark - firstSeq + 1)),
      missing: Math.max(0, firstSeq - mark - 1),
    };
  }

  see({ emitter, firstSeq, rows }: FrameHeaders): void {
    const mark = Math.max(this.#seqs.get(emitter) ?? 0, firstSeq + rows - 1);
    this.#seqs.delete(emitter);
    this.#seqs.set(emitter, mark);
    if (this.#seqs.size <= maxEmitters) return;
    const oldest = this.#seqs.keys().next();
    if (!oldest.done) this.#seqs.delete(oldest.value);
  }

  /** To try something out, and forget it when it fails. */
  copy(): Marks {
    return new Marks(this.#seqs);
  }
}
