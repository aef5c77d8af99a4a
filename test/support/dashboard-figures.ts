import type { DecisionEvent } from '../../src/event/decision-event.ts';
import { dayMs, hourMs, minuteMs } from './dashboard-traffic.ts';
import type { MacroContext } from './grafana-macros.ts';

// What panels should show, counted from the events themselves, without SQL.

export interface Counts {
  readonly allowed: number;
  readonly denied: number;
  readonly blocked: number;
}

const dimensions = ['tenant', 'route', 'region', 'policy'] as const;
export type Dimension = (typeof dimensions)[number];

/** A choice as the variable's value has it: commas and percent signs are written out. */
export const asOption = (name: string): string => name.replaceAll('%', '%25').replaceAll(',', '%2C');

/** How long one row of the table is that answers. */
export const rowMsOf = ({ fromMs, toMs, chosen = {} }: MacroContext, by: readonly Dimension[]): number => {
  const range = toMs - fromMs;
  if (range <= 2 * dayMs) return minuteMs;
  const others = Object.keys(chosen).filter((name) => name !== by[0]);
  const isSimple = by.length <= 1 && (by.length === 1 ? others.length === 0 : others.length <= 1);
  return range > 62 * dayMs && !isSimple ? dayMs : hourMs;
};

export const stepMsOf = (context: MacroContext, by: readonly Dimension[]): number => {
  const row = rowMsOf(context, by);
  return Math.ceil(context.intervalMs / row) * row;
};

const floorTo = (ms: number, unit: number): number => Math.floor(ms / unit) * unit;

/** The events that a panel is about: whole rows that begin on screen, or hours and days that touch its start. */
export const eventsOnScreen = (
  events: readonly DecisionEvent[],
  context: MacroContext,
  by: readonly Dimension[] = [],
): readonly DecisionEvent[] => {
  const row = rowMsOf(context, by);
  const from = row === minuteMs ? context.fromMs : floorTo(context.fromMs, row);
  const { chosen = {} } = context;
  return events.filter((event) => {
    const at = floorTo(event.timeMs, row);
    return (
      at >= from &&
      at <= context.toMs &&
      dimensions.every((name) => chosen[name] === undefined || chosen[name].includes(asOption(event[name])))
    );
  });
};

export const countsOf = (events: readonly DecisionEvent[]): Counts => {
  const sum = (outcome: string): number =>
    events.reduce((total, event) => total + (event.outcome === outcome ? event.count : 0), 0);
  return { allowed: sum('allowed'), denied: sum('denied'), blocked: sum('blocked') };
};

export const rateOf = (events: readonly DecisionEvent[]): number | null => {
  const { allowed, denied } = countsOf(events);
  return allowed + denied === 0 ? null : denied / (allowed + denied);
};

export const groupBy = <Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> => {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
};

/** Start of the point that an event is in. */
export const pointOf =
  (context: MacroContext, by: readonly Dimension[] = []) =>
  (event: DecisionEvent): number =>
    floorTo(floorTo(event.timeMs, rowMsOf(context, by)), stepMsOf(context, by));

/** Seconds of a point that are on screen and have passed. */
export const secondsOf = (context: MacroContext, pointMs: number, nowMs: number): number => {
  const row = rowMsOf(context, []);
  const begins = row === minuteMs ? Math.ceil(context.fromMs / row) * row : floorTo(context.fromMs, row);
  const ends = Math.min(pointMs + stepMsOf(context, []), floorTo(context.toMs, row) + row, nowMs);
  return Math.max(1, Math.floor(ends / 1000) - Math.max(pointMs, begins) / 1000);
};

/** Names in order of their denials, then of all their decisions, then of their bytes. */
export const mostDenied = (events: readonly DecisionEvent[], by: Dimension, most: number): readonly string[] =>
  [...groupBy(events, (event) => event[by])]
    .map(([name, own]) => ({ name, counts: countsOf(own) }))
    .sort(
      (a, b) =>
        b.counts.denied - a.counts.denied ||
        b.counts.allowed + b.counts.denied + b.counts.blocked - a.counts.allowed - a.counts.denied - a.counts.blocked ||
        Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
    )
    .slice(0, most)
    .map(({ name }) => name);

/** As the engine's exact quantile: an element, never between two. */
export const quantile = (values: readonly number[], level: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(level * values.length))] ?? Number.NaN;
