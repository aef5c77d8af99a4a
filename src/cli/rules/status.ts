import type { Command } from 'commander';
import type { RuleJudgement } from '../../blocklist/block-review.ts';
import type { Breaker, ModeOverride, Traffic } from '../../blocklist/block-switches.ts';
import { allRules, cappedMode } from '../../blocklist/budget.ts';
import type { Rule, RuleMode } from '../../detect/rule.ts';
import { readRuleFile } from '../../detect/rule-file.ts';
import { precisionOf } from '../../review/precision.ts';
import { columns } from '../columns.ts';
import { type Host, settingsCommand } from '../command-line.ts';
import { type Answer, answering, type ListSession, listSettings } from '../list-session.ts';
import { shippedFiles } from '../settings.ts';
import { agoText, countText, leftText, numberText, plainText } from '../time-text.ts';
import { type Judged, judgedOf, precisionText } from './precision.ts';

/** All that is known of one rule. */
interface RuleStatus {
  readonly name: string;
  /** Null: the file does not have it. */
  readonly rule: Rule | null;
  readonly override: ModeOverride | null;
  readonly inForce: RuleMode | null;
  readonly breaker: Breaker | null;
  readonly judged: Judged | undefined;
}

interface Known {
  readonly overrides: readonly ModeOverride[];
  readonly breakers: readonly Breaker[];
  readonly judgements: readonly RuleJudgement[];
}

const statusOf = (name: string, rule: Rule | null, { overrides, breakers, judgements }: Known): RuleStatus => {
  const override = overrides.find((one) => one.rule === name) ?? null;
  return {
    name,
    rule,
    override,
    inForce: rule && cappedMode(rule.mode, override?.mode ?? null),
    breaker: breakers.find((one) => one.rule === name) ?? null,
    judged: judgedOf(judgements, name, rule?.hash ?? null),
  };
};

/** Rules of the file first, in its order; then those that only the list knows. */
const statusesOf = (rules: readonly Rule[], known: Known): RuleStatus[] => {
  const names = new Set(rules.map(({ name }) => name));
  const others = [...known.overrides, ...known.breakers].map(({ rule }) => rule);
  const strangers = new Set(others.filter((name) => name !== allRules && !names.has(name)));
  return [
    ...rules.map((rule) => statusOf(rule.name, rule, known)),
    ...[...strangers].sort().map((name) => statusOf(name, null, known)),
  ];
};

type Look = Pick<ListSession, 'nowMs' | 'paint'>;

const modeText = ({ rule, override, inForce }: RuleStatus, { nowMs, paint }: Look): string => {
  const canary = rule && rule.canaryPercent < 100 ? ` for ${rule.canaryPercent} %` : '';
  const shown = inForce === null ? 'not in this file' : `${inForce}${canary}`;
  const painted = inForce === 'enforce' ? paint.strong(shown) : shown;
  if (override === null) return painted;
  const file = rule === null ? '' : `file ${rule.mode}, `;
  return `${painted} (${file}at most ${override.mode}, ends ${leftText(override.untilMs, nowMs)}, by ${plainText(override.actor)}: ${plainText(override.note)})`;
};

const breakerText = (breaker: Breaker | null, { nowMs, paint }: Look): string => {
  if (breaker === null || breaker.state === 'closed') return paint.good('closed');
  const since = agoText(breaker.sinceMs, nowMs);
  if (breaker.state === 'half-open') return paint.doubtful(`half-open, reset ${since}`);
  return paint.bad(`OPEN since ${since}: ${plainText(breaker.reason)}`);
};

const hourText = (breaker: Breaker | null): string =>
  breaker === null
    ? '0 blocks'
    : `${countText(breaker.blocks, 'block')}, ${countText(breaker.clients, 'client')}, ${countText(breaker.requests, 'request')}`;

const statusText = (statuses: readonly RuleStatus[], all: Breaker | null, { traffic, look }: Beside): string => {
  const { paint } = look;
  const head = ['rule', 'in the last hour', 'judged right', 'breaker', 'mode'].map(paint.faint);
  const rows = statuses.map((status) => [
    status.name,
    hourText(status.breaker),
    precisionText(status.judged, status.rule?.precision ?? null),
    breakerText(status.breaker, look),
    modeText(status, look),
  ]);
  const allRow = ['all together', hourText(all), '', breakerText(all, look), ''];
  const isOpen = [...statuses.map(({ breaker }) => breaker), all].some((breaker) => breaker?.state === 'open');
  return [
    columns([head, ...rows, allRow]),
    `In the last hour ${numberText(traffic.allowed)} requests of ${countText(traffic.clients, 'client')} were allowed.\n`,
    isOpen
      ? 'Over its budget a rule only proposes: tidegate blocks list --state proposed, then tidegate rules reset RULE --note …\n'
      : '',
  ].join('');
};

interface Beside {
  readonly traffic: Traffic;
  readonly look: Look;
}

const jsonOf = ({ name, rule, override, inForce, breaker, judged }: RuleStatus): object => ({
  rule: name,
  hash: rule?.hash ?? null,
  mode: { file: rule?.mode ?? null, inForce, canaryPercent: rule?.canaryPercent ?? null },
  override: override && {
    mode: override.mode,
    until: new Date(override.untilMs).toISOString(),
    actor: override.actor,
    note: override.note,
  },
  owner: rule?.owner ?? null,
  ...breakerView(breaker),
  precisionFloor: rule?.precision ?? null,
  judged: judged ?? null,
  precision: judged === undefined ? null : precisionOf(judged),
});

const breakerView = (breaker: Breaker | null): object => ({
  breaker: breaker?.state ?? 'closed',
  breakerReason: breaker?.reason ?? '',
  lastHour: { blocks: breaker?.blocks ?? 0, clients: breaker?.clients ?? 0, requests: breaker?.requests ?? 0 },
});

const statusAnswer = async (session: ListSession): Promise<Answer> => {
  const { blockList, context } = session;
  const { rules, version } = await readRuleFile(context.config.rulesFile ?? shippedFiles.rules);
  const [overrides, breakers, traffic, judgements] = await Promise.all([
    blockList.overrides(),
    blockList.breakers(),
    blockList.traffic(),
    blockList.judgements(),
  ]);
  const statuses = statusesOf(rules, { overrides, breakers, judgements });
  const all = breakers.find(({ rule }) => rule === allRules) ?? null;
  return {
    json: { version, rules: statuses.map(jsonOf), all: breakerView(all), traffic },
    text: statusText(statuses, all, { traffic, look: session }),
  };
};

/** `tidegate rules status`. */
export const rulesStatusCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'status',
    summary: 'Say what each rule may do now, what it did, and how often people found it right',
    settings: [...listSettings, 'rulesFile'],
    help: `
The mode in force is the file's, capped by an override. A breaker that is open is over its budget: everything is proposed
until a person resets it. Judged right: confirmed blocks, of those that were confirmed or lifted as false positives, with the
range that holds in 95 of 100 cases. Of what the rule says now: blocks that it made when it said something else do not count.

Example:
  $ tidegate rules status --rules rules.yaml --json | jq '.rules[] | select(.breaker == "open") | .rule'`,
  }).option('--json', 'print {"version", "rules", "all", "traffic"} as one line');
  return command.action((flags: { json?: boolean }) =>
    answering({ command, host, json: flags.json === true }, statusAnswer),
  );
};
