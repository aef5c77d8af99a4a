import type { Evidence } from '../blocklist/block.ts';
import { visible } from './access-log.ts';
import type { ReplayReport, ReportedBlock, Timing } from './report.ts';
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

const blockLines = ({ client, rule, blockedAt, evidence, reason }: ReportedBlock): string[] => {
  const { windows, routes } = evidence;
  const [first] = routes;
  const most = first === undefined ? '' : `, most on ${visible(first.route, 60)} (${count(first.denied)})`;
  return [
    `  ${moment(blockedAt)}  ${client.kind} ${client.id}  by ${rule}${reason === '' ? '' : `: ${visible(reason)}`}`,
    `      ${count(evidence.denied)} denied and ${count(evidence.allowed)} allowed on ${plural(evidence.distinctRoutes, 'route')}${most};`,
    `      in ${windows.hit} of ${windows.of} windows of ${seconds(windows.windowMs)}${heavier(windows)}, policies ${evidence.policies.join(', ')}`,
  ];
};

const blocks = (title: string, list: readonly ReportedBlock[]): string[] => {
  if (list.length === 0) return [];
  const hidden = list.length - maxBlocksShown;
  return [
    '',
    `${title}: ${count(list.length)}`,
    ...list.slice(0, maxBlocksShown).flatMap(blockLines),
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
    ...blocks('Blocks that would have started (UTC)', report.blocks),
    ...blocks('Proposed, for a person to decide', report.proposed),
    ...rejected(report),
    '',
    timing(report),
  ].join('\n');
