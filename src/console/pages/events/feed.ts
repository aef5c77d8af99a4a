import { signal } from '@preact/signals';
import { queryText } from '../../app/client.ts';
import { type Failure, failureOf, Problem } from '../../app/problem.ts';

/** Something that happened, as `GET /v1/events` tells it. */
export interface LoggedEvent {
  readonly cursor: string;
  readonly at: string;
  readonly kind: 'block' | 'allow' | 'switch' | 'mode' | 'breaker';
  readonly blockId: string | null;
  readonly subject: string | null;
  readonly state: string;
  readonly rule: string;
  readonly expiresAt: string;
  readonly actor: string;
  readonly reason: string;
}

interface EventsAnswer {
  readonly events: readonly LoggedEvent[];
  readonly nextCursor: string;
}

export interface Feed {
  /** Newest first, as many as are kept. */
  readonly events: readonly LoggedEvent[];
  /** How many were read, kept or not. */
  readonly read: number;
  /** Whether the end was reached once: what follows is new. */
  readonly isCaughtUp: boolean;
  readonly failure: Failure | null;
  /** Events that the log no longer held when they were asked for. */
  readonly hasGap: boolean;
}

const pageSize = 500;
const keptEvents = 1000;
const pauseMs = 3000;
const failedPauseMs = 6000;

export interface FeedParts {
  readonly get: <T>(path: string) => Promise<T>;
  readonly after: (ms: number, run: () => void) => () => void;
  readonly isHidden: () => boolean;
}

const empty: Feed = { events: [], read: 0, isCaughtUp: false, failure: null, hasGap: false };

/** What the log says of lost changes, and where it goes on. */
const isGone = (failure: Failure): boolean => failure instanceof Problem && failure.status === 410;

/**
 * Reads the log of events from its oldest one, and then what is added. It is read forwards alone, so the first look reads
 * all of it, a page after the other.
 */
export const createFeed = ({ get, after, isHidden }: FeedParts) => {
  const feed = signal<Feed>(empty);
  let cursor: string | null = null;
  let isOn = false;
  let cancel = (): void => undefined;

  const take = ({ events, nextCursor }: EventsAnswer): boolean => {
    const before = feed.peek();
    const isCaughtUp = events.length < pageSize;
    const all = events.length === 0 ? before.events : [...[...events].reverse(), ...before.events].slice(0, keptEvents);
    feed.value = { ...before, events: all, read: before.read + events.length, failure: null, isCaughtUp };
    cursor = nextCursor;
    return isCaughtUp;
  };

  const fail = (error: unknown): void => {
    const failure = failureOf(error);
    if (isGone(failure) && cursor !== null) {
      // What is left is read anew; what was read stays in sight no longer, or it would stand there twice.
      cursor = null;
      feed.value = { ...empty, hasGap: true };
      return;
    }
    feed.value = { ...feed.peek(), failure };
  };

  const readOn = async (): Promise<void> => {
    if (!isOn) return;
    let pause = pauseMs;
    try {
      const isEnd =
        isHidden() || take(await get<EventsAnswer>(`v1/events${queryText({ after: cursor, limit: pageSize })}`));
      pause = isEnd ? pauseMs : 0;
    } catch (error) {
      fail(error);
      pause = failedPauseMs;
    }
    if (isOn) cancel = after(pause, () => void readOn());
  };

  return {
    feed,
    /** Reads as long as somebody looks. The answer ends that. */
    watch: (): (() => void) => {
      isOn = true;
      void readOn();
      return () => {
        isOn = false;
        cancel();
      };
    },
  };
};
