import { type Signal, signal } from '@preact/signals';
import { type Failure, failureOf, Problem } from './problem.ts';

/** What a page knows of one address of the API. */
export interface Known<T> {
  /** The last answer; null: none yet. */
  readonly data: T | null;
  readonly etag: string | null;
  /** When {@link data} arrived, in ms since 1970. */
  readonly loadedAtMs: number | null;
  /** What the last attempt failed with; null: it did not. */
  readonly failure: Failure | null;
  /** Since when an answer is waited for, in ms since 1970; null: none is. */
  readonly askedAtMs: number | null;
}

export interface ResourceParts<T> {
  /** Asks once. */
  readonly ask: (signal: AbortSignal) => Promise<{ readonly body: T; readonly etag: string | null }>;
  readonly everyMs: number;
  readonly nowMs: () => number;
  readonly after: (ms: number, run: () => void) => () => void;
  /** Nobody looks: nothing is asked until {@link Resource.refresh}. */
  readonly isHidden: () => boolean;
}

export interface Resource<T> {
  readonly known: Signal<Known<T>>;
  /** Asks now, unless an answer is on its way. */
  refresh(): void;
  /** Somebody looks at it from now on. The answer ends that; when nobody is left it rests. */
  watch(): () => void;
}

const maxBackoffMs = 30_000;
const nothing = { data: null, etag: null, loadedAtMs: null, failure: null, askedAtMs: null } as const;

/** What asking again does not change, before who asks or what is asked has changed. */
const isFinal = (failure: Failure): boolean =>
  failure instanceof Problem && failure.status >= 400 && failure.status < 500 && failure.status !== 429;

/** Asks for something again and again while somebody looks at it, more rarely while it fails. */
export const createResource = <T>({ ask, everyMs, nowMs, after, isHidden }: ResourceParts<T>): Resource<T> => {
  const known = signal<Known<T>>(nothing);
  let watchers = 0;
  let failures = 0;
  let cancel = (): void => undefined;
  let running: AbortController | null = null;

  const plan = (): void => {
    cancel();
    if (watchers === 0 || everyMs === 0) return;
    const failure = known.peek().failure;
    const pauseMs = failure === null ? everyMs : Math.min(maxBackoffMs, everyMs * 2 ** Math.min(failures, 6));
    cancel = after(failure !== null && isFinal(failure) ? maxBackoffMs : pauseMs, () => {
      if (!isHidden()) refresh();
    });
  };

  const load = async (own: AbortController): Promise<void> => {
    try {
      const { body, etag } = await ask(own.signal);
      if (running !== own) return;
      failures = 0;
      known.value = { data: body, etag, loadedAtMs: nowMs(), failure: null, askedAtMs: null };
    } catch (error) {
      if (running !== own) return;
      failures += 1;
      known.value = { ...known.peek(), failure: failureOf(error), askedAtMs: null };
    }
    running = null;
    plan();
  };

  const refresh = (): void => {
    if (watchers === 0 || running !== null) return;
    cancel();
    running = new AbortController();
    known.value = { ...known.peek(), askedAtMs: nowMs() };
    void load(running);
  };

  const watch = (): (() => void) => {
    watchers += 1;
    if (watchers === 1) refresh();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      watchers -= 1;
      if (watchers > 0) return;
      cancel();
      running?.abort();
      running = null;
      known.value = { ...known.peek(), askedAtMs: null };
    };
  };

  return { known, refresh, watch };
};
