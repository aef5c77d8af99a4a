import { createHash } from 'node:crypto';
import type { Evidence, Verdict } from '../blocklist/block.ts';
import { type BlockSubject, subjectKeyOf } from '../client.ts';
import { type Judgement, membersOf } from './judge.ts';
import { incidentStartMs, type Rule } from './rule.ts';
import { deniedByName, doubtBits, maxMarks, type WindowTally } from './tally.ts';

const maxShown = 10;

export interface Conclusion {
  readonly rule: Rule;
  readonly subject: BlockSubject;
  readonly partition: number;
  readonly judgement: Judgement;
  /** Oldest first. */
  readonly stretch: readonly WindowTally[];
  /** Rows of this stretch, of anybody, came too late to count. */
  readonly hasMissed: boolean;
}

const sum = (stretch: readonly WindowTally[], field: 'denied' | 'allowed' | 'judged' | 'early'): number =>
  stretch.reduce((total, tally) => total + tally[field], 0);

const byCodePoint = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

/** The most denied ones first. */
const mostFirst = (denied: ReadonlyMap<string, number>): readonly (readonly [string, number])[] =>
  [...denied].sort(([left, most], [right, more]) => more - most || byCodePoint(left, right)).slice(0, maxShown);

type LogPlace = Evidence['log'];

/** By emitter. Who is heard again after having been forgotten is there twice. */
const marksOf = (stretch: readonly WindowTally[]): LogPlace['marks'] => {
  const last = new Map<string, number>();
  for (const { heard, others } of stretch) {
    for (const each of heard === null ? others : [heard, ...others]) {
      last.set(each.emitter, Math.max(each.seq, last.get(each.emitter) ?? 0));
    }
  }
  if (last.size > maxMarks) return null;
  return [...last].sort(([left], [right]) => byCodePoint(left, right)).map(([emitter, seq]) => ({ emitter, seq }));
};

const doubtsOf = ({ stretch, hasMissed }: Conclusion): NonNullable<LogPlace['doubts']> => {
  const bits = stretch.reduce((all, { doubts }) => all | doubts, hasMissed ? doubtBits.late : 0);
  return (Object.keys(doubtBits) as (keyof typeof doubtBits)[]).filter((doubt) => (bits & doubtBits[doubt]) !== 0);
};

export const evidenceOf = (conclusion: Conclusion): Evidence => {
  const { rule, stretch, judgement, partition } = conclusion;
  const withDenials = stretch.filter(({ denied }) => denied > 0);
  const since = withDenials[0]?.startMs ?? Number.POSITIVE_INFINITY;
  const denied = deniedByName(
    withDenials.map(({ routes }) => routes),
    Number.POSITIVE_INFINITY,
  );
  const members = membersOf(withDenials);
  const { lengthMs, of, hit: needed } = rule.windows;
  return {
    denied: sum(stretch, 'denied'),
    // What went before the first denial is only remembered of those who had been denied before.
    allowed: sum(
      stretch.filter(({ startMs }) => startMs >= since),
      'allowed',
    ),
    early: sum(stretch, 'judged') > 0 ? sum(stretch, 'early') : null,
    members: members && { clients: members.size, most: mostFirst(members).map(([name]) => name) },
    // Promotion knows, and puts it in.
    collateral: null,
    windows: { ...judgement, needed, of, windowMs: lengthMs },
    distinctRoutes: denied.size,
    routes: mostFirst(denied).map(([route, count]) => ({ route, denied: count })),
    policies: [...new Set(withDenials.flatMap(({ policies }) => policies))].sort(byCodePoint).slice(0, maxShown),
    firstSeenAtMs: Math.min(...withDenials.map(({ startMs, firstDeniedMs }) => startMs + firstDeniedMs)),
    lastSeenAtMs: Math.max(...withDenials.map(({ startMs, lastDeniedMs }) => startMs + lastDeniedMs)),
    log: {
      partition,
      fromOffset: Math.min(...withDenials.map(({ fromOffset }) => fromOffset)),
      toOffset: Math.max(...withDenials.map(({ toOffset }) => toOffset)),
      marks: marksOf(stretch),
      doubts: doubtsOf(conclusion),
    },
  };
};

/** '' where the evidence is from several. */
const tenantOf = (stretch: readonly WindowTally[]): string => {
  const tenants = new Set(stretch.flatMap(({ tenant }) => tenant ?? []));
  const [only = ''] = tenants;
  return tenants.size === 1 ? only : '';
};

/** The verdict on a subject. Its id depends on the rule's name, the subject and the incident alone. */
export const verdictOf = (conclusion: Conclusion): Verdict => {
  const { rule, subject, stretch } = conclusion;
  const incident = incidentStartMs(rule, stretch.at(-1)?.startMs ?? 0);
  const about = JSON.stringify([rule.name, subjectKeyOf(subject), incident]);
  const evidence = evidenceOf(conclusion);
  return {
    id: createHash('sha256').update(about).digest('hex').slice(0, 24),
    rule: rule.name,
    ruleHash: rule.hash,
    subject,
    tenant: tenantOf(stretch),
    atMs: evidence.lastSeenAtMs,
    evidence,
  };
};
