/** One of the small things that people's work leaves behind: a batch, an open approval, an answer to repeat. */
export interface KeptRecord {
  readonly id: string;
  /** Whatever its owner wrote: usually JSON. */
  readonly text: string;
  /** 1 when it is new; grows with each write. */
  readonly revision: number;
}

export interface RecordWrite {
  /** 1 to 200 characters. */
  readonly id: string;
  /** At most {@link maxRecordLength} characters. */
  readonly text: string;
  /** Written only while the record has this revision; 0: only while there is none. */
  readonly ifRevision: number;
}

export interface RecordPage {
  /** Those made last first. */
  readonly records: readonly KeptRecord[];
  /** For the next page; null: this was the last. */
  readonly nextCursor: string | null;
}

export const maxRecordLength = 1_000_000;

/**
 * Records of one kind, each of which only who has seen what is there replaces: of two who decide at the same time one wins.
 * Each is gone a fixed time after it was made, whatever was written since. Failures: TidegateError STORE_FAILED.
 */
export interface RecordStore {
  /** False: it has another revision by now, or is there already, or is gone. */
  put(record: RecordWrite): Promise<boolean>;
  /** False as of `put`. */
  remove(id: string, ifRevision: number): Promise<boolean>;
  /** Null: there is none. */
  get(id: string): Promise<KeptRecord | null>;
  /** `limit`: 1 to 200. A cursor that is none begins at the newest. */
  newest(limit: number, cursor?: string): Promise<RecordPage>;
}

/** How a kind of record is kept. */
export interface Shelf {
  /** `[a-z-]{1,32}`. */
  readonly name: string;
  /** From when it was made. */
  readonly keptForMs: number;
  /** Beyond this the oldest go, each with every one that is made. */
  readonly most: number;
}

/** Where records of every kind are kept. Every process that serves the API sees the same ones. */
export interface ReviewRecords {
  shelf(shelf: Shelf): RecordStore;
}
