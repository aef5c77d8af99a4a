import { useRef, useState } from 'preact/hooks';

export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** How many there are now: keys may come faster than the page is drawn. */
  count(): number;
  toggle(id: string): void;
  /** From the last one that was selected to this one. */
  extendTo(id: string, order: readonly string[]): void;
  clear(): void;
}

/** Ids between two of them, both included, in order. */
export const between = (from: string | null, to: string, order: readonly string[]): readonly string[] => {
  const start = from === null ? -1 : order.indexOf(from);
  const end = order.indexOf(to);
  if (end < 0) return [];
  if (start < 0) return [to];
  return order.slice(Math.min(start, end), Math.max(start, end) + 1);
};

interface Picked {
  readonly ids: ReadonlySet<string>;
  readonly last: string | null;
}

const nothing: Picked = { ids: new Set(), last: null };

/** Rows that somebody picked out for one change. */
export const useSelection = (): Selection => {
  const [{ ids }, draw] = useState(nothing);
  const picked = useRef(nothing);
  const pick = (next: Picked): void => {
    picked.current = next;
    draw(next);
  };
  return {
    ids,
    count: () => picked.current.ids.size,
    toggle: (id) => {
      const next = new Set(picked.current.ids);
      if (!next.delete(id)) next.add(id);
      pick({ ids: next, last: id });
    },
    extendTo: (id, order) => {
      const { ids: before, last } = picked.current;
      pick({ ids: new Set([...before, ...between(last, id, order)]), last: id });
    },
    clear: () => pick(nothing),
  };
};
