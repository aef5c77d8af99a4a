import type { Status } from '../api/status-routes.ts';
import type { BlockList } from '../blocklist/block-list.ts';
import type { Breaker, ModeOverride, Switch } from '../blocklist/block-switches.ts';
import type { Rule, RuleSet } from '../detect/rule.ts';

type AbuseStatus = NonNullable<Status['abuse']>;

const untilOf = (off: Switch | null, nowMs: number): string | null =>
  off === null || off.untilMs <= nowMs ? null : new Date(off.untilMs).toISOString();

interface Known {
  readonly rules: readonly Rule[];
  readonly overrides: readonly ModeOverride[];
  readonly breakers: readonly Breaker[];
}

/** Rules of the file, and whoever else has an override or a breaker that is not closed. */
const rulesOf = ({ rules, overrides, breakers }: Known): AbuseStatus['rules'] => {
  const stirred = breakers.filter(({ state }) => state !== 'closed');
  const names = new Set([
    ...rules.map(({ name }) => name),
    ...overrides.map((one) => one.rule),
    ...stirred.map((one) => one.rule),
  ]);
  return [...names].map((name) => ({
    rule: name,
    mode: rules.find((rule) => rule.name === name)?.mode ?? null,
    cap: overrides.find(({ rule }) => rule === name)?.mode ?? null,
    breaker: breakers.find(({ rule }) => rule === name)?.state ?? 'closed',
  }));
};

/** What operators have set, and what blocks have saved. Who and why is for those who hold a token. */
export const abuseStatus = async (blockList: BlockList, rules: RuleSet | null, nowMs: number): Promise<AbuseStatus> => {
  const [switches, overrides, breakers, { refused, commands, bytes }] = await Promise.all([
    blockList.switches(),
    blockList.overrides(),
    blockList.breakers(),
    blockList.allRefusals(),
  ]);
  return {
    switchedOff: { blocks: untilOf(switches.blocks, nowMs), limits: untilOf(switches.limits, nowMs) },
    rules: rulesOf({ rules: rules?.rules ?? [], overrides, breakers }),
    refusals: { refused, savedCommands: commands, savedBytes: bytes },
  };
};
