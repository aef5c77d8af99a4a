import type { Clock } from '../clock.ts';
import type { EventTable } from './event-table.ts';

/** Retention is changed by hand, and counted in days. */
const askAgainAfterMs = 60_000;

/** How far back the table keeps rows, asked once a minute at most. */
export class KeptTimes {
  readonly #table: Pick<EventTable, 'keepsSince'>;
  readonly #clock: Clock;
  #sinceMs = 0;
  #askedUs = Number.NEGATIVE_INFINITY;

  constructor(table: Pick<EventTable, 'keepsSince'>, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  async since(): Promise<number> {
    const nowUs = this.#clock.monotonicUs();
    if (nowUs - this.#askedUs < askAgainAfterMs * 1_000) return this.#sinceMs;
    this.#sinceMs = await this.#table.keepsSince();
    this.#askedUs = nowUs;
    return this.#sinceMs;
  }
}
