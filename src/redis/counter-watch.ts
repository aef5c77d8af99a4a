import type { Clock } from '../clock.ts';
import type { CountersLost, CountersLostKind } from '../limiter/fleet.ts';

/** What a server said of itself with one beat. Ids are '' where it may not be asked for them. */
export interface ServerSign {
  /** Beats of this gate that it has counted, >= 1. */
  readonly beats: number;
  /** Of the server process: another one after a restart, and on another server. */
  readonly runId: string;
  /** Of its history of writes: another one after a promotion. */
  readonly replicationId: string;
  /** The history that it went on from when it was promoted; zeros: none. */
  readonly previousReplicationId: string;
}

export interface CounterWatchOptions {
  readonly clock: Clock;
  /** How long the server keeps a count of beats that does not grow, milliseconds. */
  readonly keptMs: number;
}

const isNone = (id: string): boolean => /^0*$/.test(id);

/**
 * A new history of writes on the same server process, gone on from none: its first replica came, or its last one has been
 * away for an hour. Nothing is lost then.
 */
const isSameData = (before: ServerSign, now: ServerSign): boolean =>
  before.replicationId === now.replicationId ||
  now.replicationId === '' ||
  (before.runId === now.runId && now.runId !== '' && isNone(now.previousReplicationId));

/**
 * Finds out from a gate's own beats that a server has lost counters. Both signs are needed: a promoted replica that had
 * received the last beat may still lack counters written after it, and a server that was flushed keeps its history.
 */
export class CounterWatch {
  readonly #options: CounterWatchOptions;
  #last: ServerSign | null = null;
  #seenAtUs = 0;

  constructor(options: CounterWatchOptions) {
    this.#options = options;
  }

  /** What the newest beat tells: each loss once. */
  seen(sign: ServerSign): CountersLost | null {
    const last = this.#last;
    const nowUs = this.#options.clock.monotonicUs();
    // A count that nobody raised for so long has expired: that it is gone says nothing.
    const isCountKept = nowUs - this.#seenAtUs < this.#options.keptMs * 1000;
    this.#last = sign;
    this.#seenAtUs = nowUs;
    if (last === null) return null;
    const kind = kindOf(last, sign, isCountKept);
    return kind === null ? null : { kind, expectedBeats: last.beats, foundBeats: sign.beats };
  }
}

const kindOf = (last: ServerSign, now: ServerSign, isCountKept: boolean): CountersLostKind | null => {
  if (isCountKept && now.beats <= last.beats) return now.beats === 1 ? 'flushed' : 'rolled-back';
  return isSameData(last, now) ? null : 'failover';
};
