import type { Cursor } from '../blocklist/block-feed.ts';
import type { Notice } from './notice.ts';

/** One notice on its way to one endpoint. */
export interface Delivery {
  readonly notice: Notice;
  /** Tries so far that failed. */
  readonly failures: number;
}

export interface OutboxFigures {
  /** Notices that wait for an endpoint, once for each. */
  readonly waiting: number;
  /** What had no room, since the outbox is there. */
  readonly dropped: number;
}

export const outboxBounds = {
  /** Notices that nobody has handed out yet. */
  inbox: 1000,
  /** Notices that wait for one endpoint. */
  perEndpoint: 1000,
  /** Ids that are known to have been put. */
  seen: 20_000,
  seenMs: 7 * 86_400_000,
  /** How long what nobody fetches stays. */
  keptMs: 2 * 86_400_000,
} as const;

/**
 * What waits to be told, shared by all processes. A notice is put once, whoever tells it; one deliverer at a time hands it out
 * to the endpoints that it knows, and keeps a queue for each. Where there is no room the oldest goes, and is counted.
 *
 * Endpoints are told apart by names of `[A-Za-z0-9_.-]{1,64}`. Failures: TidegateError STORE_FAILED.
 */
export interface Outbox {
  /** How many were new: a notice with an id that was put before is left out. */
  put(notices: readonly Notice[]): Promise<number>;
  /** What was put and not handed out, oldest first. */
  inbox(most: number): Promise<readonly Notice[]>;
  /** Moves a notice from the inbox to the queues of these endpoints. One that is not in the inbox is left alone. */
  handOut(noticeId: string, endpoints: readonly string[]): Promise<void>;
  /** What is to be tried now, longest overdue first. */
  due(endpoint: string, most: number): Promise<readonly Delivery[]>;
  /** It has arrived, or was given up. */
  remove(endpoint: string, noticeId: string): Promise<void>;
  /** The try failed: it is due again then. What is not waiting any more stays away. */
  postpone(endpoint: string, noticeId: string, untilMs: number): Promise<void>;
  /** The endpoint wants nothing any more, until somebody says otherwise, or for a month. */
  disable(endpoint: string): Promise<void>;
  /** False: it was not disabled. */
  enable(endpoint: string): Promise<boolean>;
  disabled(): Promise<ReadonlySet<string>>;
  /** Takes or keeps the lead for `ttlMs`. False: another holder has it. */
  lead(holder: string, ttlMs: number): Promise<boolean>;
  /** Up to where the change log was looked through; null: never. */
  cursor(): Promise<Cursor | null>;
  markCursor(cursor: Cursor): Promise<void>;
  figures(): Promise<OutboxFigures>;
}
