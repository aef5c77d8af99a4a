import { useEffect, useRef, useState } from 'preact/hooks';
import { shownBlock } from './known.ts';
import { isDue } from './types.ts';

const storedAt = 'tidegate.review.current';

export interface Cursor {
  /** Null: the list is empty. */
  readonly id: string | null;
  /** The same now: keys may come faster than the page is drawn. */
  now(): string | null;
  /** `isFocused`: keys go on from there. */
  choose(id: string, isFocused?: boolean): void;
  move(by: number): void;
  /** To the next block that waits for a word, after this one or from the top; stays where there is none. */
  nextDue(after: string): void;
}

const focusRow = (id: string): void => {
  const row = document.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`);
  row?.querySelector<HTMLElement>('a')?.focus({ preventScroll: true });
  row?.scrollIntoView({ block: 'nearest' });
};

const isWaiting = (id: string): boolean => {
  const block = shownBlock(id);
  return block !== null && isDue(block);
};

/** Which row is looked at. A reload comes back to it. */
export const useCursor = (ids: readonly string[]): Cursor => {
  const [wanted, want] = useState<string | null>(() => sessionStorage.getItem(storedAt));
  const focusNext = useRef(false);
  const id = wanted !== null && ids.includes(wanted) ? wanted : (ids[0] ?? null);
  const latest = useRef(id);
  latest.current = id;
  const choose = (next: string, isFocused = false): void => {
    latest.current = next;
    focusNext.current = isFocused;
    sessionStorage.setItem(storedAt, next);
    want(next);
    if (isFocused && next === id) focusRow(next);
  };
  useEffect(() => {
    // What stands first is looked at as if somebody had chosen it: what comes in above it takes nobody elsewhere.
    // A key may have come since this was drawn: what it chose stays.
    want((chosen) => (chosen !== null && ids.includes(chosen) ? chosen : id));
    if (id !== null && focusNext.current) focusRow(id);
    focusNext.current = false;
  }, [id]);
  return {
    id,
    now: () => latest.current,
    choose,
    move: (by) => {
      const index = latest.current === null ? -1 : ids.indexOf(latest.current);
      const next = ids[Math.min(ids.length - 1, Math.max(0, index + by))];
      if (next !== undefined) choose(next, true);
    },
    nextDue: (after) => {
      const index = ids.indexOf(after);
      const order = [...ids.slice(index + 1), ...ids.slice(0, Math.max(0, index))];
      choose(order.find((each) => each !== after && isWaiting(each)) ?? after, true);
    },
  };
};
