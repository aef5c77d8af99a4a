import { createHash } from 'node:crypto';
import type { AlertDefinition, Cause, Reading } from './definition.ts';

export type Labels = Readonly<Record<string, string>>;

/** `pending`: it holds, and not yet for long enough. `resolved`: it is over; kept for a while, to see it come back. */
export const alertStates = ['pending', 'firing', 'resolved'] as const;
export type AlertState = (typeof alertStates)[number];

/** What a question last said of it. */
export interface SeenReading {
  readonly value: number;
  readonly numbers: Readonly<Record<string, number>>;
  readonly cause: Cause | null;
}

/** One alert for one set of labels, from the first moment in which it held. Plain data: it is kept as JSON. */
export interface AlertInstance {
  readonly alert: string;
  readonly labels: Labels;
  /** Names this one time that it holds, wherever it is told of. */
  readonly id: string;
  readonly state: AlertState;
  readonly startedAtMs: number;
  readonly firedAtMs: number | null;
  readonly resolvedAtMs: number | null;
  /** For how long it was seen to hold, to be over, and not to be seen at all. Null: it was not seen to be over. */
  readonly heldMs: number;
  readonly clearMs: number | null;
  readonly missingMs: number;
  /** How often it came back soon after it was over. */
  readonly returns: number;
  /** When it was over the time before; null: it was not, lately. */
  readonly lastResolvedAtMs: number | null;
  readonly seen: SeenReading;
  /** The alert while which holds nobody is told of this one. */
  readonly inhibitedBy: string | null;
  /** Its figures are gone, rather than well again. */
  readonly isGone: boolean;
  readonly told: { readonly firing: boolean; readonly resolved: boolean };
}

/** What is known of it now. `missing`: others were told of, it was not. `unknown`: there was no answer. */
export type Observation =
  | { readonly kind: 'reading'; readonly reading: Reading }
  | { readonly kind: 'clear' | 'missing' | 'unknown' };

export interface StepOptions {
  readonly definition: AlertDefinition;
  readonly atMs: number;
  /** Since the evaluation before, at most {@link mostElapsedMs}. */
  readonly elapsedMs: number;
  readonly inhibitedBy: string | null;
}

/** A longer time between two evaluations counts as this much: nobody has seen what was in it. */
export const mostElapsedMs = 60_000;
/** Figures that are not told for so long belong to something that is gone. */
export const goneAfterMs = 10 * 60_000;
/** An alert that comes back within this time after its end has returned. */
export const returnWithinMs = 3_600_000;
const maxLabels = 16;
const maxLabelLength = 256;

const cut = (text: string): string => (text.length > maxLabelLength ? `${text.slice(0, maxLabelLength - 1)}…` : text);

/** In order of their names, bounded. */
export const boundedLabels = (labels: Labels): Labels =>
  Object.fromEntries(
    Object.entries(labels)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .slice(0, maxLabels)
      .map(([name, value]) => [cut(name), cut(value)]),
  );

/** Tells sets of labels apart. */
export const fingerprintOf = (labels: Labels): string =>
  createHash('sha256')
    .update(JSON.stringify(Object.entries(boundedLabels(labels))))
    .digest('hex')
    .slice(0, 16);

/** Tells instances apart: alert and labels. */
export const instanceKeyOf = (alert: string, labels: Labels): string => `${alert} ${fingerprintOf(labels)}`;
export const keyOf = ({ alert, labels }: AlertInstance): string => instanceKeyOf(alert, labels);

const finite = (numbers: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(numbers).filter(([, number]) => Number.isFinite(number)));

const seenOf = ({ value, numbers, cause }: Reading): SeenReading => ({
  value: Number.isFinite(value) ? value : 0,
  numbers: finite(numbers),
  cause,
});

/** How long it must be over: longer each time that it comes back, so that who is told is told a bounded number of times. */
const keepMsOf = ({ keepFiringMs }: AlertDefinition, returns: number): number =>
  returns === 0 ? keepFiringMs : Math.min(returnWithinMs, Math.max(keepFiringMs, 60_000) * 2 ** Math.min(returns, 10));

const isRecent = (instantMs: number | null, atMs: number): boolean =>
  instantMs !== null && Math.abs(atMs - instantMs) <= returnWithinMs;

const begun = (before: AlertInstance | null, reading: Reading, options: StepOptions): AlertInstance => {
  const { definition, atMs } = options;
  const labels = boundedLabels(reading.labels);
  const isBack = before !== null && isRecent(before.resolvedAtMs, atMs);
  return {
    alert: definition.id,
    labels,
    id: `${instanceKeyOf(definition.id, labels)} ${Math.round(atMs).toString(36)}`,
    state: 'pending',
    startedAtMs: atMs,
    firedAtMs: null,
    resolvedAtMs: null,
    heldMs: 0,
    clearMs: null,
    missingMs: 0,
    returns: isBack ? before.returns + 1 : 0,
    lastResolvedAtMs: isBack ? before.resolvedAtMs : null,
    seen: seenOf(reading),
    inhibitedBy: null,
    isGone: false,
    told: { firing: false, resolved: false },
  };
};

/** It fires when it has held for long enough; while another alert inhibits it, its time stands still. */
const ripened = (pending: AlertInstance, addedMs: number, options: StepOptions): AlertInstance => {
  const { definition, atMs, inhibitedBy } = options;
  if (inhibitedBy !== null) return { ...pending, inhibitedBy };
  const held = { ...pending, heldMs: pending.heldMs + addedMs, inhibitedBy: null };
  return held.heldMs >= definition.forMs ? { ...held, state: 'firing', firedAtMs: atMs } : held;
};

const stepPending = (held: AlertInstance, seen: Observation, options: StepOptions): AlertInstance | null => {
  if (seen.kind === 'unknown') return { ...held, inhibitedBy: options.inhibitedBy };
  if (seen.kind === 'reading' && seen.reading.isFiring) {
    return ripened({ ...held, seen: seenOf(seen.reading) }, options.elapsedMs, options);
  }
  if (!isRecent(held.lastResolvedAtMs, options.atMs)) return null;
  // As if it had not begun, but for what is remembered of it.
  const told = { firing: true, resolved: true };
  const returns = Math.max(0, held.returns - 1);
  return { ...held, state: 'resolved', resolvedAtMs: held.lastResolvedAtMs, returns, inhibitedBy: null, told };
};

const resolved = (held: AlertInstance, atMs: number, isGone: boolean): AlertInstance => ({
  ...held,
  state: 'resolved',
  resolvedAtMs: atMs,
  inhibitedBy: null,
  isGone,
});

const stepFiring = (held: AlertInstance, seen: Observation, options: StepOptions): AlertInstance => {
  const { definition, atMs, elapsedMs, inhibitedBy } = options;
  const here = { ...held, inhibitedBy };
  if (seen.kind === 'unknown') return here;
  if (seen.kind === 'missing') {
    const missingMs = held.missingMs + elapsedMs;
    return missingMs >= goneAfterMs ? resolved(held, atMs, true) : { ...here, missingMs };
  }
  if (seen.kind === 'reading' && seen.reading.isFiring) {
    return { ...here, clearMs: null, missingMs: 0, seen: seenOf(seen.reading) };
  }
  const clearMs = held.clearMs === null ? 0 : held.clearMs + elapsedMs;
  if (clearMs >= keepMsOf(definition, held.returns)) return resolved(held, atMs, false);
  return { ...here, clearMs, missingMs: 0 };
};

const stepResolved = (held: AlertInstance | null, seen: Observation, options: StepOptions): AlertInstance | null => {
  if (seen.kind === 'reading' && seen.reading.isFiring) {
    // Nobody knows that it was over: it goes on.
    if (held !== null && !held.told.resolved) {
      return stepFiring({ ...held, state: 'firing', resolvedAtMs: null, isGone: false }, seen, options);
    }
    return ripened(begun(held, seen.reading, options), 0, options);
  }
  if (held === null || (held.told.resolved && !isRecent(held.resolvedAtMs, options.atMs))) return null;
  return held;
};

/** What becomes of an instance with one evaluation; null: there is none. */
export const stepInstance = (
  held: AlertInstance | null,
  seen: Observation,
  options: StepOptions,
): AlertInstance | null => {
  if (held === null || held.state === 'resolved') return stepResolved(held, seen, options);
  return held.state === 'pending' ? stepPending(held, seen, options) : stepFiring(held, seen, options);
};
