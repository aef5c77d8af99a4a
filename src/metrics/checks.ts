import type { InstrumentId } from './instruments.ts';
import type { ObservedChecks } from './observed.ts';
import type { Reading } from './watched.ts';

/** What the checks at the start came to. */
export class Checks {
  #last: ObservedChecks | null = null;

  checked(checks: ObservedChecks): void {
    this.#last = checks;
  }

  *read(): Generator<Reading> {
    if (!this.#last) return;
    const { dedupMarginRatio, skewMs, retentionMs, findings } = this.#last;
    const numbers: readonly (readonly [InstrumentId, number | null])[] = [
      ['dedupMargin', dedupMarginRatio],
      ['clockSkew', skewMs / 1000],
      ['logRetention', retentionMs === null ? null : retentionMs / 1000],
      ['checkWarnings', findings.filter(({ state }) => state === 'warn').length],
    ];
    for (const [instrument, value] of numbers) if (value !== null) yield { instrument, value, attributes: {} };
  }
}
