import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { type Endpoint, queueOf, signatureOf } from './endpoint.ts';
import { bodyOf, messageIdOf, type Notice } from './notice.ts';
import type { Delivery, Outbox } from './outbox.ts';
import type { Post, PostResult } from './post.ts';

export interface EndpointPumpOptions {
  readonly endpoint: Endpoint;
  readonly outbox: Pick<Outbox, 'due' | 'remove' | 'postpone' | 'disable'>;
  readonly post: Post;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly isLeader: () => boolean;
}

export interface PumpCounts {
  readonly delivered: number;
  /** Tries that failed. */
  readonly failures: number;
  /** Notices that nobody tries to deliver any more. */
  readonly givenUp: number;
}

const firstBackOffMs = 5000;
const maxBackOffMs = 2 * 3_600_000;
/** An answer may ask for more patience than ours, and for no more than this. */
const maxRetryAfterMs = 3_600_000;
export const triedForMs = 24 * 3_600_000;
/** After a failure the endpoint as a whole is left alone for a little, whatever else waits for it. */
const firstRestMs = 1000;
const maxRestMs = 60_000;
const dueAtOnce = 20;
const goneStatus = 410;

/** How long until the next try, after so many failures: doubled each time, and spread by a quarter to both sides. */
export const backOffMs = (failures: number, random: number): number =>
  Math.round(Math.min(maxBackOffMs, firstBackOffMs * 2 ** Math.min(30, failures)) * (0.75 + random / 2));

/** The request that tells of a notice, signed for now. */
export const requestFor = (endpoint: Endpoint, notice: Notice, nowMs: number) => {
  const message = { id: messageIdOf(notice.id), timestampS: Math.floor(nowMs / 1000), body: bodyOf(notice) };
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'tidegate',
    'webhook-id': message.id,
    'webhook-timestamp': String(message.timestampS),
    'webhook-signature': signatureOf(message, endpoint.secrets),
  };
  return { url: endpoint.url, headers, body: message.body, allowPrivate: endpoint.allowPrivate };
};

const isDelivered = (result: PostResult): boolean =>
  result.kind === 'answered' && result.status >= 200 && result.status < 300;

const troubleOf = (result: PostResult): string =>
  result.kind === 'failed' ? result.why : `it answered ${result.status}`;

/** Delivers to one endpoint, one notice after the other. */
export class EndpointPump {
  readonly queue: string;
  readonly #options: EndpointPumpOptions;
  #counts = { delivered: 0, failures: 0, givenUp: 0 };
  #failuresInARow = 0;
  #restsUntilMs = 0;
  #pumping: Promise<void> | null = null;
  #abort = new AbortController();

  constructor(options: EndpointPumpOptions) {
    this.#options = options;
    this.queue = queueOf(options.endpoint);
  }

  get counts(): PumpCounts {
    return this.#counts;
  }

  /** Begins, unless it is at it. */
  wake(): void {
    if (this.#pumping || this.#options.clock.nowMs() < this.#restsUntilMs) return;
    this.#pumping = this.#pump()
      .catch((error: unknown) => {
        const { logger, endpoint } = this.#options;
        logger.warn(
          { err: messageOf(error), endpoint: endpoint.name },
          'a webhook waits: the outbox cannot be reached',
        );
      })
      .then(() => {
        this.#pumping = null;
      });
  }

  async idle(): Promise<void> {
    await this.#pumping;
  }

  /** Ends what is under way; it stays in the outbox. */
  abort(): void {
    this.#abort.abort();
  }

  async #pump(): Promise<void> {
    const { outbox, isLeader, clock } = this.#options;
    for (;;) {
      const due = await outbox.due(this.queue, dueAtOnce);
      for (const delivery of due) {
        if (!isLeader() || clock.nowMs() < this.#restsUntilMs) return;
        if (!(await this.#deliver(delivery))) return;
      }
      if (due.length < dueAtOnce) return;
    }
  }

  /** False: the endpoint is left alone for now. */
  async #deliver({ notice, failures }: Delivery): Promise<boolean> {
    const { endpoint, outbox, post, clock, logger } = this.#options;
    if (clock.nowMs() - Date.parse(notice.at) > triedForMs) {
      this.#counts.givenUp += 1;
      logger.error({ endpoint: endpoint.name, notice: notice.id, failures }, 'a webhook is given up: nobody was told');
      await outbox.remove(this.queue, notice.id);
      return true;
    }
    const result = await post({ ...requestFor(endpoint, notice, clock.nowMs()), signal: this.#abort.signal });
    if (this.#abort.signal.aborted) return false;
    if (isDelivered(result)) {
      this.#counts.delivered += 1;
      this.#failuresInARow = 0;
      await outbox.remove(this.queue, notice.id);
      return true;
    }
    await this.#failed({ notice, failures }, result);
    return false;
  }

  async #failed({ notice, failures }: Delivery, result: PostResult): Promise<void> {
    const { endpoint, outbox, clock, random, logger } = this.#options;
    const why = troubleOf(result);
    this.#counts.failures += 1;
    this.#failuresInARow += 1;
    this.#restsUntilMs = clock.nowMs() + Math.min(maxRestMs, firstRestMs * 2 ** (this.#failuresInARow - 1));
    const wished = result.kind === 'answered' ? (result.retryAfterMs ?? 0) : 0;
    const waitMs = Math.max(backOffMs(failures, random()), Math.min(maxRetryAfterMs, wished));
    await outbox.postpone(this.queue, notice.id, clock.nowMs() + waitMs);
    logger.warn(
      { endpoint: endpoint.name, notice: notice.id, failures: failures + 1, why, waitMs },
      'a webhook failed',
    );
    if (result.kind !== 'answered' || result.status !== goneStatus) return;
    await outbox.disable(this.queue);
    logger.error(
      { endpoint: endpoint.name },
      'the endpoint is gone (410) and is told nothing more: tidegate webhooks test',
    );
  }
}
