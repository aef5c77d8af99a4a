import type { StoredAlerts } from './alert-store.ts';
import type { Answer } from './answers.ts';
import type { AlertDefinition, Reading } from './definition.ts';
import {
  type AlertInstance,
  fingerprintOf,
  instanceKeyOf,
  keyOf,
  type Labels,
  type Observation,
  stepInstance,
} from './instance.ts';

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

interface StepAt extends At {
  /** Why nothing can be concluded from what is stored; null: it can. */
  readonly staleBy: string | null;
  /** What fires already, this alert's own instances included. */
  readonly firing: readonly AlertInstance[];
}

/** Which alert tells of the same labels already; null: none does. */
const coverOf = (
  { coveredBy = [] }: AlertDefinition,
  firing: readonly AlertInstance[],
): ((labels: Labels) => string | null) => {
  const covering = firing.filter(({ alert }) => coveredBy.includes(alert));
  const ofAll = covering.find(({ labels }) => labels['dimension'] === 'all')?.alert ?? null;
  const byLabels = new Map(covering.map(({ alert, labels }) => [fingerprintOf(labels), alert]));
  if (byLabels.size === 0) return () => null;
  return (labels) => ofAll ?? byLabels.get(fingerprintOf(labels)) ?? null;
};

/** Who was there before keeps its place; those that begin take what is left, worst first. */
const stepAlert = (answer: Answer, held: Held, { staleBy: stale, firing, ...at }: StepAt): Stepped => {
  const { definition } = answer;
  const cover = coverOf(definition, firing);
  const kept: AlertInstance[] = [];
  const begun: AlertInstance[] = [];
  for (const [key, seen] of observationsOf(answer, held)) {
    const before = held.get(key) ?? null;
    const isFiring = before?.state === 'firing';
    // Nothing is concluded from what is not fresh: what fires goes on, and what begins waits.
    const observed = stale !== null && isFiring ? ({ kind: 'unknown' } as const) : seen;
    const labels = before?.labels ?? (seen.kind === 'reading' ? seen.reading.labels : {});
    const inhibitedBy = stale ?? (isFiring ? null : cover(labels));
    const instance = stepInstance(before, observed, { definition, inhibitedBy, ...at });
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
  const isFiring = ({ state }: AlertInstance): boolean => state === 'firing';
  const firing = before.instances.filter(isFiring);
  const step = (answer: Answer, stale: string | null): Stepped => {
    const own = held.get(answer.definition.id) ?? new Map();
    const stepped = stepAlert(answer, own, { atMs, elapsedMs, staleBy: stale, firing });
    firing.push(...stepped.instances.filter(isFiring));
    return stepped;
  };
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
