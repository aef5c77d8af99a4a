import type { BlockPromoter, Promotion, TrafficNote } from '../blocklist/block-promoter.ts';
import type { Client } from '../client.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { IdentityBook } from './identities.ts';
import { TrafficMeter } from './traffic.ts';

export const noteDefaults = {
  /** Traffic is told so often, wall time; and before a promotion that is judged by it. */
  trafficEveryMs: 60_000,
  identitiesEveryMs: 10_000,
  /** Promotions that follow each other closely share what was told before the first: so much wall time, … */
  sharedForMs: 1_000,
  /** … or so much log time, where that passes faster. */
  sharedForLogMs: 10_000,
} as const;

/** Of the port; nothing here has more partitions times minutes than this at once. */
const maxBatch = 1000;

export interface NoteStats {
  /** Minutes of traffic that were not told: for lack of room, or because telling failed. */
  readonly trafficDropped: number;
  readonly identitiesDropped: number;
  /** Pairs of address and identity that are remembered. */
  readonly identitiesKnown: number;
}

export interface NoteTakerOptions {
  readonly blockList: Pick<BlockPromoter, 'noteTraffic' | 'noteIdentities'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An allowed decision, or many like it. */
export interface AllowedRow {
  readonly client: Client;
  readonly address: string;
  readonly count: number;
  readonly atMs: number;
}

/**
 * Tells the block list what budgets and shared addresses are judged by. Beside the verdict's path: nothing here waits, and
 * what fails is counted and forgotten.
 */
export class NoteTaker {
  readonly #options: NoteTakerOptions;
  readonly #meters = new Map<number, TrafficMeter>();
  readonly #identities = new IdentityBook();
  #trafficToldAtMs = Number.NEGATIVE_INFINITY;
  #trafficToldLogMs = Number.NEGATIVE_INFINITY;
  #identitiesToldAtMs = Number.NEGATIVE_INFINITY;
  #trafficDropped = 0;
  /** The writing that is under way. */
  #telling: Promise<void> = Promise.resolve();
  #isTelling = false;

  constructor(options: NoteTakerOptions) {
    this.#options = options;
  }

  /** `startsMidway`: see {@link TrafficMeter}. */
  assigned(partition: number, startsMidway: boolean): void {
    this.revoked(partition);
    this.#meters.set(partition, new TrafficMeter({ partition, startsMidway }));
  }

  /** The next owner leaves out the minute in which it begins: what was counted of it is told now. */
  revoked(partition: number): void {
    const meter = this.#meters.get(partition);
    if (meter === undefined) return;
    this.#meters.delete(partition);
    const rest = meter.take();
    this.#trafficDropped += meter.dropped;
    if (rest.length > 0) this.#alsoTelling(this.#tellTraffic(rest));
  }

  see(partition: number, { client, address, count, atMs }: AllowedRow): void {
    this.#meters.get(partition)?.addAllowed(client.id, count, atMs);
    if (address !== '') this.#identities.see({ client, address, atMs });
  }

  /** What the promotion is judged by is on its way before it. */
  prepare({ mode, verdict }: Promotion): void {
    if (mode !== 'enforce' || this.#isTelling) return;
    const nowMs = this.#options.clock.nowMs();
    const isOld =
      nowMs - this.#trafficToldAtMs >= noteDefaults.sharedForMs ||
      verdict.atMs - this.#trafficToldLogMs >= noteDefaults.sharedForLogMs;
    const { kind } = verdict.subject;
    const asksIdentities = kind === 'ip' || kind === 'network';
    if (!isOld && !(asksIdentities && this.#identities.waiting > 0)) return;
    this.#trafficToldLogMs = verdict.atMs;
    this.#tell({ traffic: isOld, identities: asksIdentities });
  }

  /** Tells what is due. Ask often: it is cheap. */
  tick(): void {
    if (this.#isTelling) return;
    const nowMs = this.#options.clock.nowMs();
    const traffic = nowMs - this.#trafficToldAtMs >= noteDefaults.trafficEveryMs;
    const identities =
      this.#identities.waiting > 0 && nowMs - this.#identitiesToldAtMs >= noteDefaults.identitiesEveryMs;
    if (traffic || identities) this.#tell({ traffic, identities });
  }

  /** Tells the rest. Never rejects. */
  async flush(): Promise<void> {
    await this.#telling;
    this.#tell({ traffic: true, identities: true });
    await this.#telling;
  }

  stats(): NoteStats {
    const inMeters = [...this.#meters.values()].reduce((sum, { dropped }) => sum + dropped, 0);
    return {
      trafficDropped: this.#trafficDropped + inMeters,
      identitiesDropped: this.#identities.dropped,
      identitiesKnown: this.#identities.known,
    };
  }

  #tell({ traffic, identities }: { readonly traffic: boolean; readonly identities: boolean }): void {
    const nowMs = this.#options.clock.nowMs();
    const told: Promise<void>[] = [];
    if (traffic) {
      this.#trafficToldAtMs = nowMs;
      told.push(this.#tellTraffic([...this.#meters.values()].flatMap((meter) => meter.take())));
    }
    if (identities) {
      this.#identitiesToldAtMs = nowMs;
      told.push(this.#identities.tell(this.#options.blockList));
    }
    this.#isTelling = true;
    this.#alsoTelling(
      Promise.all(told).then(() => {
        this.#isTelling = false;
      }),
    );
  }

  /** Neither of them rejects. */
  #alsoTelling(told: Promise<void>): void {
    this.#telling = Promise.all([this.#telling, told]).then(() => undefined);
  }

  async #tellTraffic(notes: readonly TrafficNote[]): Promise<void> {
    for (let from = 0; from < notes.length; from += maxBatch) {
      const batch = notes.slice(from, from + maxBatch);
      try {
        await this.#options.blockList.noteTraffic(batch);
      } catch (error) {
        this.#trafficDropped += batch.length;
        this.#options.logger.warn({ err: messageOf(error), minutes: batch.length }, 'traffic was not noted');
      }
    }
  }
}
