import type { Attributes } from '@opentelemetry/api';
import type { Clock } from '../clock.ts';
import type { InstrumentId } from './instruments.ts';
import type { LagSource } from './observed.ts';
import type { Reading } from './watched.ts';

interface Entry {
  readonly source: WeakRef<LagSource>;
  readonly instrument: InstrumentId;
  readonly attributes: Attributes;
}

/** Longer than a healthy log takes, shorter than whoever collects waits. */
const askMs = 2000;

/** Resolves with null when it takes too long or fails: that the log is away is told by other numbers, and by the log file. */
const withinOr = async <T>(clock: Clock, limitMs: number, ask: () => Promise<T>): Promise<T | null> => {
  let giveUp: () => void = () => undefined;
  const tooLate = new Promise<null>((resolve) => {
    giveUp = () => resolve(null);
  });
  const timer = clock.schedule(limitMs, giveUp);
  try {
    return await Promise.race([ask().catch(() => null), tooLate]);
  } finally {
    timer.cancel();
  }
};

/** How far readers are behind, partition by partition. It is asked of the log, all readers at once, in bounded time. */
export class Lags {
  readonly #clock: Clock;
  readonly #entries = new Set<Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(source: LagSource, instrument: InstrumentId, attributes: Attributes = {}): () => void {
    const entry = { source: new WeakRef(source), instrument, attributes };
    this.#entries.add(entry);
    return () => {
      this.#entries.delete(entry);
    };
  }

  /** Of what cannot be asked now, nothing: an old lag would look like a small one. */
  async read(): Promise<readonly Reading[]> {
    const readings = await Promise.all([...this.#entries].map((entry) => this.#readOne(entry)));
    return readings.flat();
  }

  async #readOne(entry: Entry): Promise<readonly Reading[]> {
    const { source, instrument, attributes } = entry;
    const reader = source.deref();
    if (reader === undefined) {
      this.#entries.delete(entry);
      return [];
    }
    const lag = await withinOr(this.#clock, askMs, () => reader.lag());
    return [...(lag ?? [])].map(([partition, value]) => ({
      instrument,
      value,
      attributes: { ...attributes, 'tidegate.partition': String(partition) },
    }));
  }
}
