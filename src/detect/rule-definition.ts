import { createHash } from 'node:crypto';
import type { NotedRule } from '../blocklist/rule-book.ts';
import type { Rule, RuleContent } from './rule.ts';

/** What the hash of a rule is taken of, in one order: what decides verdicts and what decides blocks. */
const contentOf = (rule: RuleContent): RuleContent => ({
  by: rule.by,
  match: rule.match,
  condition: rule.condition,
  windows: rule.windows,
  minEarlyShare: rule.minEarlyShare,
  minEvidence: rule.minEvidence,
  minClients: rule.minClients,
  block: rule.block,
  action: rule.action,
  shared: rule.shared,
  budget: rule.budget,
});

/** As JSON; {@link hashOfText} of it is the rule's hash. */
export const definitionOf = (rule: RuleContent): string => JSON.stringify(contentOf(rule));

/** 12 hex digits of the SHA-256. */
export const hashOfText = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** How the rule stands in a {@link RuleBook}. */
export const notedOf = (rule: Rule): Omit<NotedRule, 'notedAtMs'> => ({
  name: rule.name,
  hash: rule.hash,
  mode: rule.mode,
  canaryPercent: rule.canaryPercent,
  owner: rule.owner,
  reviewByMs: rule.reviewByMs,
  precision: rule.precision,
  definition: definitionOf(rule),
});

/** The rule that was noted; null: its definition is not what its hash is of. */
export const ruleFromNoted = ({ notedAtMs: _, definition, ...noted }: NotedRule): Rule | null =>
  hashOfText(definition) === noted.hash ? { ...(JSON.parse(definition) as RuleContent), ...noted } : null;
