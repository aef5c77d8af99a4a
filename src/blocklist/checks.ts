import { type BlockSubject, subjectKeyOf } from '../client.ts';
import { type Problem, TidegateError } from '../errors.ts';
import type { BlockAction } from './block.ts';
import type { Refusals } from './block-feed.ts';
import { promotionModes } from './block-promoter.ts';
import type { Act, AllowEntry, ListImport, ManualBlock, Transition } from './block-review.ts';
import { type ModeOverride, type Switch, type Switched, switched } from './block-switches.ts';
import type { NotedRule } from './rule-book.ts';
import { canonicalSubject } from './subject.ts';

const namePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const batchIdPattern = /^[\w.:-]{0,64}$/;
const maxActorLength = 128;
export const maxNoteLength = 2000;
/** Nothing is for ever: a year and a day, so that somebody has to look again. */
export const longestMs = 366 * 86_400_000;
export const longestLimitWindowMs = 86_400_000;
export const mostSubjectsPerList = 1_000_000;
export const mostRefusalsPerNote = 1000;
export const mostRefusalsPerAnswer = 500;
export const mostRefusedNamed = 20;
export const mostRules = 500;
const maxDefinitionLength = 100_000;

/** What is wrong, or null. */
type Found = Problem | null;

const problem = (path: string, message: string): Problem => ({ path, message });

const untilProblem = (untilMs: number, nowMs: number): Found => {
  if (!Number.isSafeInteger(untilMs)) return problem('untilMs', 'must be a whole number of milliseconds since 1970');
  if (untilMs <= nowMs) return problem('untilMs', 'is in the past');
  return untilMs > nowMs + longestMs ? problem('untilMs', 'is more than 366 days ahead') : null;
};

/** Scripts in Redis and the audit read texts as UTF-8, which has no half of a surrogate pair: one would make either fail. */
const textProblem = (path: string, text: string): Found =>
  text.isWellFormed() ? null : problem(path, 'must not hold half of a surrogate pair');

const actProblems = ({ actor, note, batchId }: Act): Found[] => [
  textProblem('actor', actor),
  textProblem('note', note),
  batchId === undefined || batchIdPattern.test(batchId)
    ? null
    : problem('batchId', 'must be at most 64 of letters, digits, dot, colon, dash and underscore'),
  actor.length === 0 || actor.length > maxActorLength ? problem('actor', 'must be 1 to 128 characters') : null,
  note.length > maxNoteLength ? problem('note', `must be at most ${maxNoteLength} characters`) : null,
];

const actionProblems = (action: BlockAction): Found[] => {
  if (action.kind === 'refuse') return [];
  const { limit, windowMs } = action;
  const isWindow = Number.isSafeInteger(windowMs) && windowMs >= 1000 && windowMs <= longestLimitWindowMs;
  return [
    Number.isSafeInteger(limit) && limit >= 1 ? null : problem('action.limit', 'must be a whole number of at least 1'),
    isWindow ? null : problem('action.windowMs', 'must be a whole number from one second to a day'),
  ];
};

const nameProblem = (path: string, name: string): Found =>
  namePattern.test(name) ? null : problem(path, 'must be 1 to 64 of a-z, 0-9, dot, dash and underscore');

/** Throws INPUT_INVALID that names every problem. */
const refuseWith = (what: string, found: readonly Found[]): void => {
  const problems = found.filter((one) => one !== null);
  if (problems.length === 0) return;
  const list = problems.map(({ path, message }) => `${path} ${message}`).join('; ');
  throw new TidegateError('INPUT_INVALID', `${what}: ${list}`, { problems });
};

const makingKeyPattern = /^[\w-]{1,60}$/;

/** The block with its subject in canonical spelling. Throws INPUT_INVALID, as all of these do. */
export const checkedManualBlock = (block: ManualBlock, nowMs: number): ManualBlock => {
  const { key } = block;
  const isKey = key === undefined || makingKeyPattern.test(key);
  refuseWith('a block', [
    untilProblem(block.untilMs, nowMs),
    ...actProblems(block),
    ...actionProblems(block.action),
    isKey ? null : problem('key', 'must be 1 to 60 letters, digits, dashes and underscores'),
  ]);
  return { ...block, subject: canonicalSubject(block.subject) };
};

export const checkedAllowEntry = (entry: AllowEntry, nowMs: number): AllowEntry => {
  refuseWith('an allow entry', [untilProblem(entry.untilMs, nowMs), ...actProblems(entry)]);
  return { ...entry, subject: canonicalSubject(entry.subject) };
};

const shownProblems = 20;

/** Every subject once. Subjects that cannot be read: the first 20 are named, and nothing is imported. */
export const checkedImport = (list: ListImport, nowMs: number): ListImport => {
  refuseWith(`the list ${list.list}`, [
    nameProblem('list', list.list),
    untilProblem(list.untilMs, nowMs),
    ...actProblems(list),
    ...actionProblems(list.action),
    list.subjects.length > mostSubjectsPerList ? problem('subjects', `are more than ${mostSubjectsPerList}`) : null,
  ]);
  const subjects = new Map<string, BlockSubject>();
  const problems: Problem[] = [];
  for (const [index, given] of list.subjects.entries()) {
    try {
      const subject = canonicalSubject(given);
      subjects.set(subjectKeyOf(subject), subject);
    } catch (error) {
      if (!(error instanceof TidegateError)) throw error;
      problems.push(problem(`subjects[${index}]`, error.message));
      if (problems.length === shownProblems) break;
    }
  }
  refuseWith(`the list ${list.list}`, problems);
  return { ...list, subjects: [...subjects.values()] };
};

export const checkTransition = (transition: Transition, nowMs: number): void => {
  const found = actProblems(transition);
  if (transition.kind === 'extend') found.push(untilProblem(transition.untilMs, nowMs));
  if (transition.kind === 'change-action') found.push(...actionProblems(transition.action));
  if (transition.kind === 'assign') {
    const isLong = transition.assignee.length > maxActorLength;
    found.push(isLong ? problem('assignee', `must be at most ${maxActorLength} characters`) : null);
    found.push(textProblem('assignee', transition.assignee));
  }
  if (transition.kind === 'lift' && transition.tombstoneMs !== undefined) {
    const { tombstoneMs } = transition;
    const fits = Number.isSafeInteger(tombstoneMs) && tombstoneMs >= 0 && tombstoneMs <= longestMs;
    if (!fits) found.push(problem('tombstoneMs', 'must be a whole number from 0 to 366 days'));
  }
  refuseWith(`to ${transition.kind}`, found);
};

/** Of what ends by it: an allow entry, an override, an open breaker. */
export const checkAct = (act: Act): void => refuseWith('an act', actProblems(act));

export const checkComment = (act: Act): void => {
  refuseWith('a comment', [...actProblems(act), act.note.trim() === '' ? problem('note', 'must say something') : null]);
};

/** What a detector says of its rules: names and sizes, since the rest was checked with the file. */
export const checkRules = (rules: readonly Omit<NotedRule, 'notedAtMs'>[]): void => {
  refuseWith('rules', [
    rules.length > mostRules ? problem('rules', `are more than ${mostRules}`) : null,
    ...rules.flatMap(({ name, hash, definition }, index) => [
      nameProblem(`rules[${index}].name`, name),
      hash.length === 0 || hash.length > 128 ? problem(`rules[${index}].hash`, 'must be 1 to 128 characters') : null,
      definition.length > maxDefinitionLength ? problem(`rules[${index}].definition`, 'is too long') : null,
    ]),
  ]);
};

export const checkSwitch = (what: Switched, change: { off: Switch | null; act: Act }, nowMs: number): void => {
  refuseWith('a switch', [
    switched.includes(what) ? null : problem('what', `must be one of ${switched.join(', ')}`),
    change.off && untilProblem(change.off.untilMs, nowMs),
    ...actProblems(change.act),
  ]);
};

export const checkOverride = (override: ModeOverride, nowMs: number): void => {
  const isMode = promotionModes.includes(override.mode);
  refuseWith('an override', [
    nameProblem('rule', override.rule),
    isMode ? null : problem('mode', `must be one of ${promotionModes.join(', ')}`),
    untilProblem(override.untilMs, nowMs),
    ...actProblems(override),
  ]);
};

export const checkRefusals = (refusals: readonly Refusals[]): void => {
  const isMany = refusals.length > mostRefusalsPerNote;
  refuseWith('refusals', [isMany ? problem('refusals', `are more than ${mostRefusalsPerNote}`) : null]);
};

export const checkRefusalQuery = (blockIds: readonly string[]): void => {
  const isMany = blockIds.length > mostRefusalsPerAnswer;
  refuseWith('refusals', [isMany ? problem('blockIds', `are more than ${mostRefusalsPerAnswer}`) : null]);
};
