import { useState } from 'preact/hooks';

export interface Selection {
  readonly ids: ReadonlySet<string>;
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

/** Rows that somebody picked out for one change. */
export const useSelection = (): Selection => {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const [last, setLast] = useState<string | null>(null);
  return {
    ids,
    toggle: (id) => {
      const next = new Set(ids);
      if (!next.delete(id)) next.add(id);
      setIds(next);
      setLast(id);
    },
    extendTo: (id, order) => {
      setIds(new Set([...ids, ...between(last, id, order)]));
      setLast(id);
    },
    clear: () => {
      setIds(new Set());
      setLast(null);
    },
  };
};
