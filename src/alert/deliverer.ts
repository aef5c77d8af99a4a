import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { type Endpoint, queueOf, wants } from './endpoint.ts';
import { EndpointPump, type PumpCounts } from './endpoint-pump.ts';
import type { Outbox, OutboxFigures } from './outbox.ts';
import type { Post } from './post.ts';

export interface DelivererOptions {
  readonly outbox: Outbox;
  readonly endpoints: readonly Endpoint[];
  readonly post: Post;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger?: Logger;
  /** Names this process among the others, for as long as it lives. */
  readonly holder: string;
  /** Looks for more to tell, by the leader alone. */
  readonly look: () => Promise<void>;
}

export interface DelivererStats extends PumpCounts, OutboxFigures {
  readonly isLeader: boolean;
  /** Endpoints that want nothing any more. */
  readonly disabled: number;
}

const pollMs = 1000;
const leaseMs = 15_000;
const handedOutAtOnce = 200;
/** A delivery that is under way when the process stops has so long to end. */
const graceMs = 2000;

/**
 * Tells the endpoints what is in the outbox. Of all processes one does so at a time; when it is gone, the next one begins
 * within the lease. What arrived and was not noted arrives again, with the same id.
 */
export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #logger: Logger;
  readonly #pumps: readonly EndpointPump[];
  #isLeader = false;
  #isStopping = false;
  #isAway = false;
  #figures: OutboxFigures = { waiting: 0, dropped: 0 };
  #disabled: ReadonlySet<string> = new Set();
  #working: Promise<void> | null = null;
  #endPause: () => void = () => undefined;

  constructor(options: DelivererOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    const { outbox, post, clock, random, endpoints } = options;
    const parts = { outbox, post, clock, random, logger: this.#logger, isLeader: () => this.#isLeader };
    this.#pumps = endpoints.map((endpoint) => new EndpointPump({ ...parts, endpoint }));
  }

  start(): void {
    this.#working ??= this.#work();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#isLeader = false;
    this.#endPause();
    const timer = this.#options.clock.schedule(graceMs, () => {
      for (const pump of this.#pumps) pump.abort();
    });
    await this.#working;
    await Promise.all(this.#pumps.map((pump) => pump.idle()));
    timer.cancel();
  }

  stats(): DelivererStats {
    const sum = (of: (counts: PumpCounts) => number) => this.#pumps.reduce((all, pump) => all + of(pump.counts), 0);
    return {
      isLeader: this.#isLeader,
      delivered: sum(({ delivered }) => delivered),
      failures: sum(({ failures }) => failures),
      givenUp: sum(({ givenUp }) => givenUp),
      disabled: this.#disabled.size,
      // Every process that has led would tell its last look: one number is enough.
      waiting: this.#isLeader ? this.#figures.waiting : 0,
      dropped: this.#figures.dropped,
    };
  }

  /** Looks, hands out and tells once, until nothing is due. For tests and for a stop. */
  async turn(): Promise<void> {
    const { outbox, holder, look } = this.#options;
    const leads = await outbox.lead(holder, leaseMs);
    if (leads !== this.#isLeader) this.#logger.info({ holder, leads }, 'telling webhooks');
    this.#isLeader = leads && !this.#isStopping;
    if (!this.#isLeader) return;
    await look();
    await this.#handOut();
    this.#figures = await outbox.figures();
  }

  /** Resolves when no delivery is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#pumps.map((pump) => pump.idle()));
  }

  async #work(): Promise<void> {
    while (!this.#isStopping) {
      try {
        await this.turn();
        if (this.#isAway) this.#logger.info({}, 'webhooks go on: the outbox is back');
        this.#isAway = false;
      } catch (error) {
        this.#isLeader = false;
        // It is tried again every second: an hour without Redis is one line.
        const level = this.#isAway ? 'debug' : 'warn';
        this.#isAway = true;
        this.#logger[level]({ err: messageOf(error) }, 'webhooks wait: the outbox cannot be reached');
      }
      await this.#pause();
    }
  }

  async #handOut(): Promise<void> {
    const { outbox, endpoints } = this.#options;
    this.#disabled = await outbox.disabled();
    const open = endpoints.filter((endpoint) => !this.#disabled.has(queueOf(endpoint)));
    for (const notice of await outbox.inbox(handedOutAtOnce)) {
      const queues = open.filter((endpoint) => wants(endpoint, notice)).map(queueOf);
      await outbox.handOut(notice.id, queues);
    }
    for (const pump of this.#pumps) if (!this.#disabled.has(pump.queue)) pump.wake();
  }

  #pause(): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#options.clock.schedule(pollMs, resolve);
      this.#endPause = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
