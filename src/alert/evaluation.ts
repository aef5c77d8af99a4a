import type { StoredAlerts } from './alert-store.ts';
import type { Answer } from './answers.ts';
import type { AlertDefinition, Reading } from './definition.ts';
import { type AlertInstance, instanceKeyOf, keyOf, type Observation, stepInstance } from './instance.ts';

export const instanceBounds = { perAlert: 100, inAll: 1000 } as const;

export interface EvaluationInput {
  readonly before: StoredAlerts;
  /** One for each definition, the one about the evaluation itself left out. */
  readonly answers: readonly Answer[];
  /** The alert about the evaluation itself; null: nobody wants it. */
  readonly blind: AlertDefinition | null;
  /** Alerts that say that what is stored is not fresh: while one holds, the stored decisions prove nothing. */
  readonly freshness: ReadonlySet<string>;
  readonly atMs: number;
  readonly elapsedMs: number;
}

export interface Evaluation {
  readonly instances: readonly AlertInstance[];
  readonly unanswered: readonly string[];
  /** Instances that there was no room for. */
  readonly dropped: number;
}

type Held = ReadonlyMap<string, AlertInstance>;
type At = Pick<EvaluationInput, 'atMs' | 'elapsedMs'>;

const heldBy = (instances: readonly AlertInstance[]): ReadonlyMap<string, Held> => {
  const byAlert = new Map<string, Map<string, AlertInstance>>();
  for (const instance of instances) {
    const held = byAlert.get(instance.alert) ?? new Map<string, AlertInstance>();
    byAlert.set(instance.alert, held.set(keyOf(instance), instance));
  }
  return byAlert;
};

const isHolding = ({ state }: AlertInstance): boolean => state !== 'resolved';

/** What an answer says of each of its sets of labels, worst first as it came; then of those that it does not name. */
const observationsOf = ({ definition, readings, seesEnds }: Answer, held: Held): ReadonlyMap<string, Observation> => {
  const found = new Map<string, Observation>();
  for (const reading of readings ?? []) {
    const key = instanceKeyOf(definition.id, reading.labels);
    // Two that became the same when they were cut: the first is the worse one.
    if (found.has(key)) continue;
    found.set(key, reading.isFiring || seesEnds ? { kind: 'reading', reading } : { kind: 'unknown' });
  }
  const absent = definition.question.kind === 'decisions' ? 'clear' : seesEnds ? 'missing' : 'unknown';
  for (const key of held.keys()) {
    if (!found.has(key)) found.set(key, { kind: readings === null ? 'unknown' : absent });
  }
  return found;
};

interface Stepped {
  readonly instances: readonly AlertInstance[];
  readonly dropped: number;
}

/** Who was there before keeps its place; those that begin take what is left, worst first. */
const stepAlert = (answer: Answer, held: Held, at: At & { readonly inhibitedBy: string | null }): Stepped => {
  const { definition } = answer;
  const kept: AlertInstance[] = [];
  const begun: AlertInstance[] = [];
  for (const [key, seen] of observationsOf(answer, held)) {
    const before = held.get(key) ?? null;
    // Nothing is concluded from what is not fresh: what fires goes on, and what begins waits.
    const observed = at.inhibitedBy !== null && before?.state === 'firing' ? ({ kind: 'unknown' } as const) : seen;
    const instance = stepInstance(before, observed, { definition, ...at });
    if (instance !== null) (before === null ? begun : kept).push(instance);
  }
  const room = Math.max(0, instanceBounds.perAlert - kept.length);
  return { instances: [...kept, ...begun.slice(0, room)], dropped: Math.max(0, begun.length - room) };
};

const blindReading = (unanswered: readonly string[]): Reading => ({
  labels: {},
  isFiring: unanswered.length > 0,
  value: unanswered.length,
  numbers: { value: unanswered.length },
  cause: null,
});

/** Which alert says that the stored decisions are not fresh; null: none does. */
const staleBy = (figures: readonly AlertInstance[], freshness: ReadonlySet<string>): string | null =>
  figures.find((instance) => isHolding(instance) && freshness.has(instance.alert))?.alert ?? null;

/** Within the bound of all: what was there before stays, what is over goes first. */
const bounded = (instances: readonly AlertInstance[]): Stepped => {
  const over = instances.length - instanceBounds.inAll;
  if (over <= 0) return { instances, dropped: 0 };
  const rank = ({ state, told }: AlertInstance): number => {
    if (state === 'pending') return 1;
    return state === 'resolved' && told.resolved ? 2 : 0;
  };
  const inOrder = [...instances].sort(
    (left, right) => rank(left) - rank(right) || left.startedAtMs - right.startedAtMs,
  );
  return { instances: inOrder.slice(0, instanceBounds.inAll), dropped: over };
};

/** What becomes of all alerts with the answers to their questions. Pure: the same input gives the same. */
export const evaluate = ({ before, answers, blind, freshness, atMs, elapsedMs }: EvaluationInput): Evaluation => {
  const held = heldBy(before.instances);
  const unanswered = answers.filter(({ readings }) => readings === null).map(({ definition }) => definition.id);
  const step = (answer: Answer, inhibitedBy: string | null): Stepped =>
    stepAlert(answer, held.get(answer.definition.id) ?? new Map(), { atMs, elapsedMs, inhibitedBy });
  const ofFigures = answers.filter(({ definition }) => definition.question.kind === 'figures');
  const ofDecisions = answers.filter(({ definition }) => definition.question.kind === 'decisions');
  const own = blind ? [{ definition: blind, readings: [blindReading(unanswered)], seesEnds: true }] : [];
  const figures = [...ofFigures, ...own].map((answer) => step(answer, null));
  const stale = staleBy(
    figures.flatMap(({ instances }) => instances),
    freshness,
  );
  const all = [...figures, ...ofDecisions.map((answer) => step(answer, stale))];
  const fit = bounded(all.flatMap(({ instances }) => instances));
  const dropped = all.reduce((sum, stepped) => sum + stepped.dropped, fit.dropped);
  return { instances: fit.instances, unanswered, dropped };
};
