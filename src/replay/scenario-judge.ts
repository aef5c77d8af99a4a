import type { Block, Evidence } from '../blocklist/block.ts';
import { subjectKeyOf } from '../client.ts';
import { formatDurationMs } from '../duration.ts';
import type { Expected, ExpectedBlock } from './scenario-files.ts';
import type { ScenarioOutcome } from './scenario-run.ts';
import { evidenceLines } from './text-report.ts';

/** A block, proposal or shadow block that a run made. */
export interface GotBlock {
  readonly subject: string;
  readonly rule: string;
  readonly action: 'refuse' | 'limit';
  /** From the first request or event on. */
  readonly afterMs: number;
  /** '' where there is nothing to say. */
  readonly reason: string;
  /** The evidence in words. */
  readonly why: string;
}

export interface GotSuppression {
  readonly subject: string;
  readonly rule: string;
  readonly reason: string;
}

export interface Got {
  readonly blocks: readonly GotBlock[];
  readonly proposed: readonly GotBlock[];
  readonly shadow: readonly GotBlock[];
  readonly suppressed: readonly GotSuppression[];
  readonly decided: ScenarioOutcome['decided'];
}

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

const inWords = (evidence: Evidence | null): string => (evidence === null ? '' : evidenceLines(evidence).join(' '));

const gotBlocks = (blocks: readonly Block[], beganMs: number): GotBlock[] =>
  blocks
    .map((block) => ({
      subject: subjectKeyOf(block.subject),
      rule: block.rule,
      action: block.action.kind,
      afterMs: block.blockedAtMs - beganMs,
      reason: block.reason,
      why: inWords(block.evidence),
    }))
    .sort((left, right) => left.afterMs - right.afterMs || compare(left.subject, right.subject));

/** An outcome as data, in an order that does not depend on which partition was read first. */
export const gotFrom = ({ promotions, beganMs, decided }: ScenarioOutcome): Got => ({
  blocks: gotBlocks(promotions.activated, beganMs),
  proposed: gotBlocks(promotions.proposed, beganMs),
  shadow: gotBlocks(promotions.shadow, beganMs),
  suppressed: promotions.suppressed
    .map(({ verdict, reason }) => ({ subject: subjectKeyOf(verdict.subject), rule: verdict.rule, reason }))
    .sort((left, right) => compare(JSON.stringify(left), JSON.stringify(right))),
  decided,
});

const isMeant = (expected: ExpectedBlock, got: GotBlock): boolean =>
  expected.subject === got.subject && expected.rule === got.rule;

const shortcomings = (what: string, expected: ExpectedBlock, got: readonly GotBlock[]): string[] => {
  const { subject, rule, withinMs, action } = expected;
  const first = got.find((block) => isMeant(expected, block));
  if (!first) {
    const others = got.filter((block) => block.subject === subject).map((block) => block.rule);
    return [`${subject} should be ${what} by ${rule}, and is ${others.length > 0 ? `by ${others.join(', ')}` : 'not'}`];
  }
  const isLate = withinMs !== undefined && first.afterMs > withinMs;
  const late = isLate
    ? [
        `${subject} is ${what} by ${rule} after ${formatDurationMs(first.afterMs)}, not within ${formatDurationMs(withinMs)}`,
      ]
    : [];
  const other = action !== undefined && action !== first.action;
  return [...late, ...(other ? [`${subject} is ${what} with action ${first.action}, not ${action}`] : [])];
};

interface Lists {
  readonly what: string;
  readonly expected: readonly ExpectedBlock[];
  readonly got: readonly GotBlock[];
  readonly nobodyElse: boolean;
}

const judgeList = ({ what, expected, got, nobodyElse }: Lists): string[] => {
  const missing = expected.flatMap((block) => shortcomings(what, block, got));
  const unexpected = nobodyElse ? got.filter((block) => !expected.some((one) => isMeant(one, block))) : [];
  return [
    ...missing,
    ...unexpected.map(
      ({ subject, rule, afterMs, reason, why }) =>
        `${subject} is ${what} by ${rule} after ${formatDurationMs(afterMs)}, which nobody expects${reason === '' ? '' : ` (${reason})`}: ${why}`,
    ),
  ];
};

const judgeCounts = (expected: Expected, got: Got): string[] => {
  const { blocksAtMost, proposedAtLeast } = expected;
  return [
    ...(blocksAtMost !== undefined && got.blocks.length > blocksAtMost
      ? [`${got.blocks.length} are blocked, at most ${blocksAtMost} should be`]
      : []),
    ...(proposedAtLeast !== undefined && got.proposed.length < proposedAtLeast
      ? [`${got.proposed.length} are proposed, at least ${proposedAtLeast} should be`]
      : []),
  ];
};

const judgeSuppressed = ({ suppressed }: Expected, got: Got): string[] =>
  (suppressed ?? [])
    .filter(
      (one) =>
        !got.suppressed.some(
          ({ subject, rule, reason }) => subject === one.subject && rule === one.rule && reason === one.reason,
        ),
    )
    .map(({ subject, rule, reason }) => {
      const others = got.suppressed.filter((one) => one.subject === subject).map((one) => `${one.rule}: ${one.reason}`);
      return `${subject} should be suppressed by ${rule} as ${reason}, and is ${others.length > 0 ? others.join(', ') : 'not'}`;
    });

/** What is not as expected, in words; empty: all is. */
export const judgeScenario = (expected: Expected, got: Got, touched: ReadonlySet<string>): string[] => {
  const nobodyElse = expected.nobodyElse ?? true;
  const list = (what: string, name: 'blocks' | 'proposed' | 'shadow'): string[] =>
    judgeList({ what, expected: expected[name] ?? [], got: got[name], nobodyElse });
  return [
    ...list('blocked', 'blocks'),
    ...list('proposed', 'proposed'),
    ...list('in shadow', 'shadow'),
    ...judgeSuppressed(expected, got),
    ...judgeCounts(expected, got),
    ...(expected.untouched ?? [])
      .filter((key) => touched.has(key))
      .map((key) => `a block refuses requests of ${key}, which should be untouched`),
  ];
};
