/**
 * What a frame says of itself, beside its body. On Kafka these are message headers, as text.
 */
export interface FrameHeaders {
  /** Event version, see {@link eventVersion}. */
  readonly v: number;
  readonly emitter: string;
  /** `seq` of the first event. Events of one emitter in one partition are numbered without a gap. */
  readonly firstSeq: number;
  /** Events in the body. 0: a frame that only says where its emitter stands. */
  readonly rows: number;
  /** Events with outcome `denied`. */
  readonly deniedRows: number;
  /** Σ count of all events of this emitter in this partition, this frame included. */
  readonly total: number;
  /** Time of the oldest and the newest event, milliseconds since the epoch. */
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  /** CRC-32 (IEEE) of the body, 8 hex digits. */
  readonly crc32: string;
  /** This emitter will send no more to this partition. */
  readonly last: boolean;
}
