import { type Static, Type } from 'typebox';
import type { BlockList } from '../blocklist/block-list.ts';
import type { RuleJudgement } from '../blocklist/block-review.ts';
import { Instant, instantText } from './fields.ts';
import { PrecisionSchema, precisionView } from './rule-precision.ts';

const Count = Type.Integer({ minimum: 0 });

const ContentSchema = Type.Object({
  hash: Type.String(),
  isCurrent: Type.Boolean({ description: 'Whether a detector runs it now.' }),
  definition: Type.Union([Type.String(), Type.Null()], {
    description: 'What the rule said, as JSON; null: nobody noted it.',
  }),
  made: Type.Integer({ minimum: 0, description: 'Blocks that it made or proposed.' }),
  confirmed: Count,
  falsePositives: Count,
  goodwill: Count,
  precision: PrecisionSchema,
  lastLabelAt: Type.Union([Instant, Type.Null()]),
});

export const QualitySchema = Type.Object({
  rule: Type.String(),
  contents: Type.Array(ContentSchema, {
    description: 'The one that runs first, then those labelled last; at most 20.',
  }),
});

type Quality = Static<typeof QualitySchema>;
type Content = Quality['contents'][number];

const mostContents = 20;

const contentOf = async (list: BlockList, judgement: RuleJudgement, current: string | undefined): Promise<Content> => {
  const { ruleHash: hash, made, confirmed, falsePositives, goodwill, lastLabelAtMs } = judgement;
  const definition = (await list.ruleByHash(hash))?.definition ?? null;
  return {
    hash,
    isCurrent: hash === current,
    definition,
    made,
    confirmed,
    falsePositives,
    goodwill,
    precision: precisionView({ confirmed, falsePositives }),
    lastLabelAt: lastLabelAtMs === null ? null : instantText(lastLabelAtMs),
  };
};

/** Null: nobody knows such a rule. */
export const qualityOf = async (list: BlockList, rule: string): Promise<Quality | null> => {
  const [noted, judgements] = await Promise.all([list.notedRules(), list.judgements()]);
  const current = noted.find(({ name }) => name === rule)?.hash;
  const known = judgements.filter((one) => one.rule === rule);
  if (current !== undefined && !known.some(({ ruleHash }) => ruleHash === current)) {
    known.push({ rule, ruleHash: current, made: 0, confirmed: 0, falsePositives: 0, goodwill: 0, lastLabelAtMs: null });
  }
  if (known.length === 0) return null;
  const rank = ({ ruleHash, lastLabelAtMs }: RuleJudgement): number =>
    ruleHash === current ? Number.POSITIVE_INFINITY : (lastLabelAtMs ?? 0);
  const newest = known.sort((a, b) => (rank(a) < rank(b) ? 1 : -1)).slice(0, mostContents);
  return { rule, contents: await Promise.all(newest.map((one) => contentOf(list, one, current))) };
};
