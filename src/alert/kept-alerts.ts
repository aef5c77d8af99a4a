import { messageOf, TidegateError } from '../errors.ts';
import type { StoredAlerts } from './alert-store.ts';
import { causes } from './definition.ts';
import { instanceBounds } from './evaluation.ts';
import { type AlertInstance, alertStates } from './instance.ts';

/** Of the text of a state: a thousand alerts take less than an eighth of it. */
export const mostKeptBytes = 8 * 1024 * 1024;
const mostEntries = 64;
const mostText = 1024;
/** The latest instant that a date can tell. */
const lastMs = 8.64e15;

type Check = (value: unknown) => boolean;
type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText: Check = (value) => typeof value === 'string' && value.length <= mostText;
const isFlag: Check = (value) => typeof value === 'boolean';
const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isMs: Check = (value) => typeof value === 'number' && value >= 0 && value <= lastMs;
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf =
  (check: Check, most: number): Check =>
  (value) =>
    Array.isArray(value) && value.length <= most && value.every(check);
const recordOf =
  (check: Check): Check =>
  (value) =>
    isObject(value) &&
    Object.keys(value).length <= mostEntries &&
    Object.entries(value).every(([name, one]) => isText(name) && check(one));

const ofSeen: Readonly<Record<keyof AlertInstance['seen'], Check>> = {
  value: isNumber,
  numbers: recordOf(isNumber),
  cause: orNull((value) => causes.some((cause) => cause === value)),
};
const ofTold: Readonly<Record<keyof AlertInstance['told'], Check>> = { firing: isFlag, resolved: isFlag };

/** Names of what is not as it should be. What is there besides is left alone. */
const misfitsOf = (value: unknown, checks: Readonly<Record<string, Check>>): string[] =>
  isObject(value)
    ? Object.entries(checks).flatMap(([name, check]) =>
        Object.hasOwn(value, name) && check(value[name]) ? [] : [name],
      )
    : ['everything'];
const fits =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) =>
    misfitsOf(value, checks).length === 0;

const ofInstance: Readonly<Record<keyof AlertInstance, Check>> = {
  alert: isText,
  labels: recordOf(isText),
  id: isText,
  state: (value) => alertStates.some((state) => state === value),
  startedAtMs: isMs,
  firedAtMs: orNull(isMs),
  resolvedAtMs: orNull(isMs),
  heldMs: isMs,
  clearMs: orNull(isMs),
  missingMs: isMs,
  returns: isCount,
  lastResolvedAtMs: orNull(isMs),
  seen: fits(ofSeen),
  inhibitedBy: orNull(isText),
  isGone: isFlag,
  told: fits(ofTold),
};

const ofState: Readonly<Record<keyof StoredAlerts, Check>> = {
  revision: isCount,
  evaluatedAtMs: isMs,
  unanswered: listOf(isText, instanceBounds.inAll),
  instances: (value) => Array.isArray(value) && value.length <= instanceBounds.inAll,
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error;
  }
};

const problemOf = (value: unknown, revision: number): string | null => {
  if (value instanceof Error) return messageOf(value).slice(0, 200);
  const [misfit] = misfitsOf(value, ofState);
  if (misfit !== undefined || !isObject(value)) return `${misfit} is not what it should be`;
  if (value['revision'] !== revision) return 'its text is of another revision';
  const instances: readonly unknown[] = Array.isArray(value['instances']) ? value['instances'] : [];
  for (const [index, instance] of instances.entries()) {
    const [name] = misfitsOf(instance, ofInstance);
    if (name !== undefined) return `instances[${index}]: ${name} is not what it should be`;
  }
  return null;
};

/**
 * The state of alerts that was kept as `text` at this revision, or why it is none: others can write there, and a later version may
 * have. `text` null: there is none, or more than {@link mostKeptBytes}.
 */
export const readKeptAlerts = (text: string | null, revision: number): StoredAlerts | TidegateError => {
  const value = text === null ? null : parsed(text);
  const problem = text === null ? 'it is too long, or no text' : problemOf(value, revision);
  if (problem !== null) return new TidegateError('INPUT_INVALID', `the kept state of alerts: ${problem}`);
  return value as StoredAlerts;
};
