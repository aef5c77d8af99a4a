import type { BlockAction, Evidence } from '../blocklist/block.ts';
import type { BlockSubject } from '../client.ts';
import { visible } from './access-log.ts';
import type { ReplayReport, ReportedBlock, ReportedSuppression, Timing } from './report.ts';
import type { Offender } from './tally.ts';

const maxOffendersShown = 10;
const maxRoutesShown = 3;
const maxBlocksShown = 50;

const count = (value: number): string => value.toLocaleString('en-US');
const share = (part: number, whole: number): string => (whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(1)} %`);
const seconds = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);
const plural = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;

/** `2025-12-17 09:03:01`: UTC, as the heading says. */
const moment = (iso: string): string => iso.slice(0, 19).replace('T', ' ');

const totals = (report: ReplayReport): string[] => {
  const { lines, rejectedLines, decisions, allowed, denied, blocked } = report;
  const row = (name: string, value: number): string =>
    `  ${name.padEnd(10)}${count(value).padStart(12)}  ${share(value, decisions).padStart(7)}`;
  return [
    `${plural(lines, 'line')}: ${plural(decisions, 'decision')} on ${plural(report.clients, 'client')}, ${count(rejectedLines)} rejected`,
    `${moment(report.period.from)} to ${moment(report.period.to)} UTC`,
    '',
    row('allowed', allowed),
    row('denied', denied),
    row('blocked', blocked),
    '',
    `The block list saved ${plural(report.storeCommandsSaved, 'limiter call')}.`,
    report.clickhouse.decisions === decisions
      ? `ClickHouse holds all ${count(decisions)} decisions.`
      : `ClickHouse holds ${count(report.clickhouse.decisions)} decisions, not ${count(decisions)}.`,
    ...(report.degraded > 0
      ? [`${plural(report.degraded, 'decision')} came without the counter store: the totals are not exact.`]
      : []),
  ];
};

const offenderLines = ({ client, allowed, denied, blocked, routes }: Offender): string[] => {
  const shown = routes
    .slice(0, maxRoutesShown)
    .map(({ route, ...refused }) => `${visible(route, 60)} ${count(refused.denied + refused.blocked)}`);
  const more = routes.length > maxRoutesShown ? ', …' : '';
  return [
    `  ${client.kind} ${client.id.padEnd(24)} denied ${count(denied)}, blocked ${count(blocked)}, allowed ${count(allowed)}`,
    `      ${shown.join(', ')}${more}`,
  ];
};

const offenders = (report: ReplayReport): string[] => {
  if (report.offenders.length === 0) return ['', 'Nobody was refused.'];
  const lines = report.offenders.slice(0, maxOffendersShown).flatMap(offenderLines);
  const isFolded = lines.some((line) => line.includes('~other'));
  return ['', `Most refused${isFolded ? ' (~other: all routes of a client beyond its first 64)' : ''}`, ...lines];
};

/** Overwhelming windows count as several: says so, because `1 of 10` alone looks too few. */
export const heavier = ({ hit, weight, needed }: Evidence['windows']): string =>
  weight > hit ? ` that ${hit === 1 ? 'counts' : 'count'} as ${weight} (${needed} needed)` : '';

/** `ip 203.0.113.9`, `network 203.0.113.0/24`, `user alice of acme`. */
const named = ({ kind, id, tenant }: BlockSubject): string =>
  visible(`${kind} ${id}${tenant === undefined ? '' : ` of ${tenant}`}`);

const limited = (action: BlockAction): string =>
  action.kind === 'refuse' ? '' : `, held to ${count(action.limit)} in ${seconds(action.windowMs)}`;

const networkMembers = ({ members }: Evidence): string =>
  members === null ? '' : ` by ${plural(members.clients, 'client')} of it`;

/** The evidence of a block in words: what was denied, where, and in how many windows. */
export const evidenceLines = (evidence: Evidence): string[] => {
  const { windows, routes } = evidence;
  const [first] = routes;
  const most = first === undefined ? '' : `, most on ${visible(first.route, 60)} (${count(first.denied)})`;
  return [
    `${count(evidence.denied)} denied and ${count(evidence.allowed)} allowed${networkMembers(evidence)} on ${plural(evidence.distinctRoutes, 'route')}${most};`,
    `in ${windows.hit} of ${windows.of} windows of ${seconds(windows.windowMs)}${heavier(windows)}, policies ${evidence.policies.join(', ')}`,
  ];
};

const indented = (evidence: Evidence | null): string[] =>
  evidence === null ? [] : evidenceLines(evidence).map((line) => `      ${line}`);

const savedLines = ({ saved }: ReportedBlock): string[] =>
  saved.refused === 0
    ? []
    : [`      refused ${plural(saved.refused, 'request')}, spared the store ${plural(saved.commands, 'command')}`];

const blockLines = (block: ReportedBlock): string[] => {
  const { subject, rule, blockedAt, evidence, reason, action } = block;
  return [
    `  ${moment(blockedAt)}  ${named(subject)}  by ${rule}${limited(action)}${reason === '' ? '' : `: ${visible(reason)}`}`,
    ...indented(evidence),
    ...savedLines(block),
  ];
};

const suppressionLines = ({ subject, rule, at, reason, evidence }: ReportedSuppression): string[] => [
  `  ${moment(at)}  ${named(subject)}  by ${rule}: ${reason}`,
  ...indented(evidence),
];

const listed = <T>(title: string, list: readonly T[], linesOf: (item: T) => readonly string[]): string[] => {
  if (list.length === 0) return [];
  const hidden = list.length - maxBlocksShown;
  return [
    '',
    `${title}: ${count(list.length)}`,
    ...list.slice(0, maxBlocksShown).flatMap(linesOf),
    ...(hidden > 0 ? [`  … and ${count(hidden)} more: see --json`] : []),
  ];
};

const rejected = ({ rejectedLines, rejectedSamples }: ReplayReport): string[] => {
  if (rejectedLines === 0) return [];
  const samples = rejectedSamples.map(
    ({ file, lineNumber, reason, text }) => `  ${visible(file)}:${lineNumber}  ${reason}\n      ${text}`,
  );
  return ['', `Rejected lines: ${count(rejectedLines)}, the first of them`, ...samples];
};

const phaseNames = {
  readingMs: 'reading',
  decidingMs: 'deciding',
  appendingMs: 'event log',
  detectingMs: 'detecting',
  followingMs: 'block list',
  storingMs: 'storing',
} as const satisfies Partial<Record<keyof Timing, string>>;

const timing = ({ timing: spent }: ReplayReport): string => {
  const parts = (Object.keys(phaseNames) as (keyof typeof phaseNames)[]).map(
    (phase) => `${phaseNames[phase]} ${seconds(spent[phase])}`,
  );
  return `Took ${seconds(spent.totalMs)}: ${parts.join(', ')}.`;
};

/** The report for a person. Nothing of the log reaches the terminal unescaped. */
export const textReport = (report: ReplayReport): string =>
  [
    ...totals(report),
    ...offenders(report),
    ...listed('Blocks that would have started (UTC)', report.blocks, blockLines),
    ...listed('Proposed, for a person to decide', report.proposed, blockLines),
    ...listed('In shadow: what rules that do not block yet would have blocked', report.shadow, blockLines),
    ...listed('Suppressed: verdicts that made no block', report.suppressed, suppressionLines),
    ...rejected(report),
    '',
    timing(report),
  ].join('\n');
