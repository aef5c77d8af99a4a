import { readFileSync } from 'node:fs';
import { type Static, Type } from 'typebox';
import { type AlertTerms, ruleFrom } from '../alert/alerts-terms.ts';
import { alertCatalogue } from '../alert/catalogue/catalogue.ts';
import type { AlertDefinition } from '../alert/definition.ts';
import type { AlertRules, Mute } from '../alert/rule.ts';
import type { AlertObjectives } from '../clickhouse/alert-objectives.ts';
import { nearName } from '../detect/near-name.ts';
import { parseDurationMs } from '../duration.ts';
import { fileTroubleOf, messageOf, type Problem, TidegateError } from '../errors.ts';
import { parseYamlText, problemsOf, yamlTroubleOf } from '../problems.ts';

const closed = { additionalProperties: false } as const;
const Duration = Type.String({ minLength: 1, maxLength: 16 });
const Share = Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 });
const LabelName = '^[a-zA-Z_][a-zA-Z0-9_]{0,63}$';
const Labels = Type.Record(Type.String({ pattern: LabelName }), Type.String({ minLength: 1, maxLength: 256 }));

const Alert = Type.Object(
  {
    off: Type.Optional(Type.Boolean()),
    severity: Type.Optional(Type.Enum(['page', 'ticket'])),
    threshold: Type.Optional(Type.Number()),
    for: Type.Optional(Duration),
    keepFiring: Type.Optional(Duration),
    labels: Type.Optional(Labels),
  },
  closed,
);
const MuteSchema = Type.Object(
  {
    alerts: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 100 })),
    labels: Type.Optional(Labels),
    from: Type.Optional(Type.String({ maxLength: 40 })),
    until: Type.String({ maxLength: 40 }),
    reason: Type.String({ minLength: 1, maxLength: 500, pattern: '\\S' }),
  },
  closed,
);
const Objectives = Type.Object(
  {
    deniedShare: Type.Optional(Share),
    slowShare: Type.Optional(Share),
    degradedShare: Type.Optional(Share),
    deadline: Type.Optional(Duration),
  },
  closed,
);
const FileSchema = Type.Object(
  {
    version: Type.Literal(1),
    objectives: Type.Optional(Objectives),
    alerts: Type.Optional(Type.Record(Type.String(), Alert)),
    mute: Type.Optional(Type.Array(MuteSchema, { maxItems: 100 })),
  },
  closed,
);
type Written = Static<typeof FileSchema>;
type WrittenAlert = Static<typeof Alert>;

/** Alerts as they are in force here. */
export interface AlertsInForce extends AlertRules {
  readonly objectives: Partial<AlertObjectives>;
}

const maxFileBytes = 256 * 1024;
const longestMs = 7 * 86_400_000;

const refused = (path: string, problems: readonly Problem[]): TidegateError =>
  new TidegateError('CONFIG_INVALID', `The alerts file ${path} is not valid`, { problems });

const known = new Map(alertCatalogue.map((definition) => [definition.id, definition]));

const strangerText = (id: string): string => {
  const near = nearName(id, [...known.keys()]);
  return near === null ? 'is no alert: tidegate alerts rules lists them' : `is no alert: did you mean ${near}?`;
};

/** Names of alerts that there are none of, where the rest of the file is not looked at any more. */
const strangersIn = (value: unknown): Problem[] => {
  const alerts = typeof value === 'object' && value !== null ? (value as Partial<Written>).alerts : undefined;
  if (typeof alerts !== 'object' || alerts === null) return [];
  return Object.keys(alerts)
    .filter((id) => !known.has(id))
    .map((id) => ({ path: `alerts.${id}`, message: strangerText(id) }));
};

/** What a number compared with a figure cannot be; null: it can be this one. */
const thresholdTrouble = ({ unit, question }: AlertDefinition, threshold: number): string | null => {
  if (question.kind === 'decisions') return 'is for alerts about figures; objectives steer those about decisions';
  if (!Number.isFinite(threshold)) return 'must be a number';
  if ('below' in question.bound && threshold <= 0) return 'must be above 0: nothing is below it';
  if (threshold < 0) return 'must be 0 or more: it would always fire';
  return unit === 'share' && threshold > 1 ? 'is a share: it must be 0 to 1' : null;
};

/** Alertmanager tells alerts apart by these. */
const takenLabels: readonly string[] = ['alertname', 'severity'];

const readWritten = (path: string): Written => {
  let value: unknown;
  try {
    const bytes = readFileSync(path);
    if (bytes.length > maxFileBytes) throw new Error('it is larger than 256 KiB');
    value = parseYamlText(bytes.toString('utf8'));
  } catch (cause) {
    const message =
      cause instanceof Error && 'code' in cause && 'syscall' in cause ? fileTroubleOf(cause) : yamlTroubleOf(cause);
    throw refused(path, [{ path, message: message || messageOf(cause) }]);
  }
  const problems = problemsOf(FileSchema, value);
  if (problems.length > 0) throw refused(path, [...problems, ...strangersIn(value)]);
  return value as Written;
};

const instantPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;
/** What a schema cannot say, each with its place in the file. */
class Reading {
  readonly problems: Problem[] = [];

  terms(written: WrittenAlert, id: string): AlertTerms {
    const path = `alerts.${id}`;
    const definition = known.get(id);
    if (definition === undefined) this.#problem(path, strangerText(id));
    const { severity, threshold, labels } = written;
    const trouble = threshold === undefined || !definition ? null : thresholdTrouble(definition, threshold);
    if (trouble !== null) this.#problem(`${path}.threshold`, trouble);
    for (const name of takenLabels)
      if (labels?.[name] !== undefined)
        this.#problem(`${path}.labels.${name}`, 'is set by tidegate: take another name');
    const forMs = this.#duration(written.for, `${path}.for`);
    const keepFiringMs = this.#duration(written.keepFiring, `${path}.keepFiring`);
    return {
      ...(severity === undefined ? {} : { severity }),
      ...(threshold === undefined ? {} : { threshold }),
      ...(labels === undefined ? {} : { labels }),
      ...(forMs === null ? {} : { forMs }),
      ...(keepFiringMs === null ? {} : { keepFiringMs }),
    };
  }

  mute({ alerts, labels = {}, from, until, reason }: Static<typeof MuteSchema>, path: string): Mute {
    const fromMs = from === undefined ? 0 : this.#instant(from, `${path}.from`);
    const untilMs = this.#instant(until, `${path}.until`);
    if (fromMs !== null && untilMs !== null && fromMs >= untilMs) this.#problem(`${path}.until`, 'must be after from');
    for (const [index, id] of (alerts ?? []).entries()) {
      if (!known.has(id)) this.#problem(`${path}.alerts[${index}]`, `${id} ${strangerText(id)}`);
    }
    return { alerts: alerts ?? null, labels, fromMs: fromMs ?? 0, untilMs: untilMs ?? 0, reason };
  }

  objectives({ deadline, ...shares }: Static<typeof Objectives>): Partial<AlertObjectives> {
    const deadlineMs = this.#duration(deadline, 'objectives.deadline');
    return { ...shares, ...(deadlineMs === null ? {} : { deadlineUs: deadlineMs * 1000 }) } as Partial<AlertObjectives>;
  }

  #duration(text: string | undefined, path: string): number | null {
    if (text === undefined) return null;
    const durationMs = text === '0' ? 0 : parseDurationMs(text);
    if (durationMs === null || durationMs > longestMs) this.#problem(path, 'must be like 30s, 5m or 2h, up to 7d');
    return durationMs;
  }

  #instant(text: string, path: string): number | null {
    const atMs = instantPattern.test(text) ? Date.parse(text) : Number.NaN;
    if (!Number.isNaN(atMs)) return atMs;
    this.#problem(path, 'must be an instant like 2026-01-31T12:00:00Z');
    return null;
  }

  #problem(path: string, message: string): void {
    this.problems.push({ path, message });
  }
}

/**
 * The alerts as they are in force where this file says what is different. Null: nothing is.
 *
 * @throws TidegateError CONFIG_INVALID with every problem.
 */
export const readAlertsFile = (path: string | null): AlertsInForce => {
  const written: Written = path === null ? { version: 1 } : readWritten(path);
  const reading = new Reading();
  const { alerts = {}, mute = [], objectives = {} } = written;
  const terms = new Map(Object.entries(alerts).map(([id, one]) => [id, reading.terms(one, id)]));
  const mutes = mute.map((one, index) => reading.mute(one, `mute[${index}]`));
  const promised = reading.objectives(objectives);
  if (reading.problems.length > 0) throw refused(path ?? '', reading.problems);
  const isOff = ({ id }: AlertDefinition): boolean => alerts[id]?.off === true;
  return {
    rules: alertCatalogue.filter((one) => !isOff(one)).map((one) => ruleFrom(one, terms.get(one.id))),
    mutes,
    off: alertCatalogue.filter(isOff),
    objectives: promised,
  };
};
