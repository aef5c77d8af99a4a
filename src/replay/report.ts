import type { Block, BlockAction, Evidence } from '../blocklist/block.ts';
import type { Suppression } from '../blocklist/block-promoter.ts';
import { type BlockSubject, subjectKeyOf } from '../client.ts';
import type { AccessLog, RejectedSample } from './access-log.ts';
import type { Phases } from './lock-step.ts';
import type { Promotions, SuppressedVerdict } from './promotions.ts';
import type { Saved, SavedByBlock } from './saved.ts';
import type { Offender, OutcomeCounts, Tally } from './tally.ts';

/** A block that would have started, with what a person needs to check it. */
export interface ReportedBlock {
  readonly id: string;
  readonly subject: BlockSubject;
  readonly rule: string;
  readonly action: BlockAction;
  /** Log time, ISO 8601. */
  readonly blockedAt: string;
  readonly expiresAt: string;
  readonly strikes: number;
  readonly evidence: Evidence | null;
  /** Why a proposed one was not made active; '' otherwise. */
  readonly reason: string;
  /** What it kept away from the limiter until the end of the log. */
  readonly saved: SavedByBlock;
}

/** A verdict that made no block. */
export interface ReportedSuppression {
  readonly subject: BlockSubject;
  readonly rule: string;
  /** Log time, ISO 8601. */
  readonly at: string;
  readonly reason: Suppression;
  readonly evidence: Evidence;
}

/** A new version of the policy file while the replay ran. */
export interface PolicyChange {
  /** Log time at which it took effect, or was refused, ISO 8601. */
  readonly at: string;
  readonly version: string;
  readonly accepted: boolean;
}

/** Where the time went, milliseconds of wall time. */
export interface Timing {
  readonly readingMs: number;
  readonly decidingMs: number;
  readonly appendingMs: number;
  readonly detectingMs: number;
  readonly followingMs: number;
  readonly storingMs: number;
  readonly totalMs: number;
}

/** What `--json` prints. */
export interface ReplayReport extends OutcomeCounts {
  readonly lines: number;
  readonly rejectedLines: number;
  readonly decisions: number;
  /** Decided without the primary store: not what the log would have met. */
  readonly degraded: number;
  readonly clients: number;
  readonly clickhouse: { readonly decisions: number };
  /** First and last instant of the log, ISO 8601. */
  readonly period: { readonly from: string; readonly to: string };
  readonly offenders: readonly Offender[];
  readonly blocks: readonly ReportedBlock[];
  readonly proposed: readonly ReportedBlock[];
  /** What rules in shadow would have blocked. */
  readonly shadow: readonly ReportedBlock[];
  readonly suppressed: readonly ReportedSuppression[];
  /** More were made than are listed. */
  readonly unlistedBlocks: number;
  readonly storeCommandsSaved: number;
  readonly policyVersion: string;
  readonly policyChanges: readonly PolicyChange[];
  readonly rejectedSamples: readonly RejectedSample[];
  readonly timing: Timing;
}

export interface ReportInput {
  readonly log: AccessLog;
  readonly tally: Tally;
  readonly promotions: Promotions;
  readonly saved: Pick<Saved, 'by'>;
  readonly gate: { readonly degraded: number; readonly storeCommandsSaved: number; readonly policyVersion: string };
  /** Σ count in the database. */
  readonly storedDecisions: number;
  readonly policyChanges: readonly PolicyChange[];
  readonly phases: Phases;
  readonly readingUs: number;
  readonly storingUs: number;
  readonly totalUs: number;
}

const maxOffenders = 100;
const usPerMs = 1000;

const instant = (atMs: number): string => new Date(atMs).toISOString();
const wholeMs = (us: number): number => Math.round(us / usPerMs);

/** A run names its emitter after itself; the report of a log says the same each time. */
const ofAnyRun = (evidence: Evidence): Evidence => {
  const { marks } = evidence.log;
  return {
    ...evidence,
    log: { ...evidence.log, marks: marks?.map((mark) => ({ ...mark, emitter: 'replay' })) ?? null },
  };
};

const reported = (block: Block, { by }: Pick<Saved, 'by'>): ReportedBlock => ({
  id: block.id,
  subject: block.subject,
  rule: block.rule,
  action: block.action,
  blockedAt: instant(block.blockedAtMs),
  expiresAt: instant(block.expiresAtMs),
  strikes: block.strikes,
  evidence: block.evidence && ofAnyRun(block.evidence),
  reason: block.reason,
  saved: by(block.id),
});

const byTime = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

/** In order of start, then of subject: promotions of several partitions may arrive in any order. */
const inOrder = (blocks: readonly Block[], saved: Pick<Saved, 'by'>): ReportedBlock[] =>
  blocks
    .map((block) => reported(block, saved))
    .sort(
      (left, right) =>
        byTime(left.blockedAt, right.blockedAt) || byTime(subjectKeyOf(left.subject), subjectKeyOf(right.subject)),
    );

const suppressions = (suppressed: readonly SuppressedVerdict[]): ReportedSuppression[] =>
  suppressed
    .map(({ verdict, reason }) => {
      const { subject, rule, atMs, evidence } = verdict;
      return { subject, rule, at: instant(atMs), reason, evidence: ofAnyRun(evidence) };
    })
    .sort(
      (left, right) => byTime(left.at, right.at) || byTime(subjectKeyOf(left.subject), subjectKeyOf(right.subject)),
    );

const timingOf = ({ phases, readingUs, storingUs, totalUs }: ReportInput): Timing => ({
  readingMs: wholeMs(readingUs),
  decidingMs: wholeMs(phases.decidingUs),
  appendingMs: wholeMs(phases.appendingUs),
  detectingMs: wholeMs(phases.detectingUs),
  followingMs: wholeMs(phases.followingUs),
  storingMs: wholeMs(storingUs),
  totalMs: wholeMs(totalUs),
});

/** Everything a replay found out, as one value. */
export const reportOf = (input: ReportInput): ReplayReport => {
  const { log, tally, promotions, gate, saved } = input;
  return {
    lines: log.lines,
    rejectedLines: log.rejectedLines,
    ...tally.totals(),
    degraded: gate.degraded,
    clickhouse: { decisions: input.storedDecisions },
    period: { from: instant(log.requests.at(0)?.timeMs ?? 0), to: instant(log.requests.at(-1)?.timeMs ?? 0) },
    offenders: tally.offenders(maxOffenders),
    blocks: inOrder(promotions.activated, saved),
    proposed: inOrder(promotions.proposed, saved),
    shadow: inOrder(promotions.shadow, saved),
    suppressed: suppressions(promotions.suppressed),
    unlistedBlocks: promotions.forgotten(),
    storeCommandsSaved: gate.storeCommandsSaved,
    policyVersion: gate.policyVersion,
    policyChanges: input.policyChanges,
    rejectedSamples: log.rejectedSamples,
    timing: timingOf(input),
  };
};
