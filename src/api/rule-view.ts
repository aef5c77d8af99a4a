import { type Static, Type } from 'typebox';
import { promotionModes } from '../blocklist/block-promoter.ts';
import type { RuleJudgement } from '../blocklist/block-review.ts';
import type { Breaker, ModeOverride } from '../blocklist/block-switches.ts';
import { cappedMode } from '../blocklist/budget.ts';
import type { NotedRule } from '../blocklist/rule-book.ts';
import { demotedForMs, demoter } from '../review/learning.ts';
import { BreakerSchema, breakerView } from './breaker-routes.ts';
import { Instant, instantText } from './fields.ts';
import { PrecisionSchema, precisionView } from './rule-precision.ts';

const Count = Type.Integer({ minimum: 0 });
export const Mode = Type.Enum([...promotionModes]);
const nullable = Type.Null();

const JudgedSchema = Type.Object({
  confirmed: Count,
  falsePositives: Count,
  goodwill: Type.Integer({ minimum: 0, description: 'Let back in all the same: says nothing of the rule.' }),
  unjudged: Type.Integer({ minimum: 0, description: 'Nobody has concluded anything; at most 10,000 are counted.' }),
});

const ReviewAge = Type.Object({
  oldestUnjudgedMs: Type.Integer({ minimum: 0, description: 'For how long the oldest open block waits for a person.' }),
  medianMs: Type.Integer({ minimum: 0, description: 'Of the oldest 500 that wait.' }),
});

export const RuleSchema = Type.Object({
  rule: Type.String(),
  hash: Type.Union([Type.String(), nullable], { description: 'Of what it says; null: no detector runs it now.' }),
  mode: Type.Object({
    file: Type.Union([Mode, nullable]),
    inForce: Type.Union([Mode, nullable], { description: 'The mode of the file, capped by the override.' }),
    canaryPercent: Type.Union([Type.Number(), nullable]),
  }),
  override: Type.Union(
    [Type.Object({ mode: Mode, until: Instant, actor: Type.String(), note: Type.String() }), nullable],
    { description: 'What caps the mode of the file for now.' },
  ),
  owner: Type.Union([Type.String(), nullable]),
  reviewBy: Type.Union([Instant, nullable]),
  precisionFloor: Type.Union([Type.Object({ floor: Type.Number(), minLabels: Count }), nullable], {
    description: 'Below it the rule goes to shadow by itself; null: never.',
  }),
  breaker: BreakerSchema,
  lastHour: Type.Object({ blocks: Count, clients: Count, requests: Count }),
  judged: JudgedSchema,
  precision: PrecisionSchema,
  reviewAge: Type.Union([ReviewAge, nullable], { description: 'null: nothing waits.' }),
  demoted: Type.Union([Type.Object({ at: Instant, why: Type.String() }), nullable], {
    description: 'Too often wrong: it was put into shadow by itself.',
  }),
});

export type RuleView = Static<typeof RuleSchema>;

/** Ages of open blocks that nobody has judged, oldest first. */
export interface Unjudged {
  readonly count: number;
  readonly agesMs: readonly number[];
}

/** All that is known of one rule. */
export interface KnownRule {
  readonly name: string;
  readonly noted: NotedRule | null;
  readonly override: ModeOverride | null;
  readonly breaker: Breaker | null;
  /** Of what it says now. */
  readonly judgement: RuleJudgement | null;
  readonly unjudged: Unjudged;
}

const closedBreaker = (rule: string): Breaker => ({
  rule,
  state: 'closed',
  sinceMs: 0,
  reason: '',
  blocks: 0,
  clients: 0,
  requests: 0,
});

const reviewAgeOf = ({ agesMs }: Unjudged): RuleView['reviewAge'] => {
  const oldest = agesMs[0];
  const median = agesMs[Math.floor(agesMs.length / 2)];
  return oldest === undefined || median === undefined ? null : { oldestUnjudgedMs: oldest, medianMs: median };
};

const demotedOf = (override: ModeOverride | null): RuleView['demoted'] =>
  override?.actor === demoter ? { at: instantText(override.untilMs - demotedForMs), why: override.note } : null;

const overrideView = (override: ModeOverride | null): RuleView['override'] =>
  override && {
    mode: override.mode,
    until: instantText(override.untilMs),
    actor: override.actor,
    note: override.note,
  };

const modeView = ({ noted, override }: KnownRule): RuleView['mode'] => ({
  file: noted?.mode ?? null,
  inForce: noted && cappedMode(noted.mode, override?.mode ?? null),
  canaryPercent: noted?.canaryPercent ?? null,
});

export const ruleView = (known: KnownRule): RuleView => {
  const { name, noted, override, judgement, unjudged } = known;
  const breaker = breakerView(known.breaker ?? closedBreaker(name));
  const { confirmed = 0, falsePositives = 0, goodwill = 0 } = judgement ?? {};
  return {
    rule: name,
    hash: noted?.hash ?? null,
    mode: modeView(known),
    override: overrideView(override),
    owner: noted?.owner ?? null,
    reviewBy: noted?.reviewByMs ? instantText(noted.reviewByMs) : null,
    precisionFloor: noted?.precision ?? null,
    breaker,
    lastHour: breaker.lastHour,
    judged: { confirmed, falsePositives, goodwill, unjudged: unjudged.count },
    precision: precisionView({ confirmed, falsePositives }),
    reviewAge: reviewAgeOf(unjudged),
    demoted: demotedOf(override),
  };
};
