import type { Clock } from '../clock.ts';
import type { ObservedAudit } from './observed.ts';
import type { Reading } from './watched.ts';

/** What the last audit came to. */
export class Audits {
  readonly #clock: Clock;
  #last: (ObservedAudit & { readonly atUs: number }) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Null: another process does it now, and what was found here may be long over. */
  audited(audit: ObservedAudit | null): void {
    this.#last = audit && { ...audit, atUs: this.#clock.monotonicUs() };
  }

  *read(): Generator<Reading> {
    if (!this.#last) return;
    const { drift, amounts, atUs } = this.#last;
    yield { instrument: 'auditDrift', value: drift, attributes: {} };
    yield { instrument: 'auditAge', value: (this.#clock.monotonicUs() - atUs) / 1e6, attributes: {} };
    for (const [finding, value] of amounts) {
      yield { instrument: 'auditFindings', value, attributes: { 'tidegate.finding': finding } };
    }
  }
}
