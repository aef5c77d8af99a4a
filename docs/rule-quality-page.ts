import { readFileSync } from 'node:fs';
import { deservesBlock, type HandLabel, handLabels } from '../test/support/hand-labels.ts';
import { wilson } from '../test/support/interval.ts';
import type { Baseline, BaselineScore, DeniedClient, RuleQuality } from '../test/support/rule-quality.ts';

/** What docs/rule-quality.json holds: figures of a log that most readers of this page do not have. */
export const keptRuleQuality = (): RuleQuality =>
  JSON.parse(readFileSync(new URL('rule-quality.json', import.meta.url), 'utf8')) as RuleQuality;

const percent = (share: number): string => `${Math.round(1000 * share) / 10} %`;

const number = (count: number): string => count.toLocaleString('en-US');

/** `22 % (10 % to 42 %), 5 of 23`. */
const shareText = (right: number, of: number): string => {
  const interval = wilson(right, of);
  if (interval === null) return '—';
  return `${percent(interval.share)} (${percent(interval.low)} to ${percent(interval.high)}), ${right} of ${of}`;
};

const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

interface Totals {
  readonly deserving: number;
  readonly visible: number;
  readonly innocent: number;
}

const totalsOf = ({ labels }: RuleQuality): Totals => {
  const those = (deserve: boolean) => labels.filter(({ label }) => deservesBlock(label) === deserve);
  return {
    deserving: sum(those(true).map(({ clients }) => clients)),
    visible: sum(those(true).map(({ denied }) => denied)),
    innocent: sum(those(false).map(({ clients }) => clients)),
  };
};

const overall = (quality: RuleQuality): string => {
  const { blocked, requests } = quality;
  const { deserving, visible, innocent } = totalsOf(quality);
  return table(
    ['figure', 'share (95 % interval), clients', 'what it says'],
    [
      [
        'precision',
        shareText(blocked.right, blocked.right + blocked.wrong),
        'of the labelled clients that are blocked',
      ],
      ['recall', shareText(blocked.right, deserving), 'of all that deserve a block'],
      ['recall of what is denied', shareText(blocked.right, visible), 'of those among them with one denial or more'],
      ['wrongly blocked', shareText(blocked.wrong, innocent), 'of the labelled clients that deserve none'],
      [
        'requests',
        `${percent(requests.blocked / requests.deserving)}, ${number(requests.blocked)} of ${number(requests.deserving)}`,
        `of all by clients that deserve a block, by those that are blocked at any time; ${number(requests.busiest)} are one client's`,
      ],
    ],
  );
};

const byRule = (quality: RuleQuality): string => {
  const { deserving, visible } = totalsOf(quality);
  return table(
    ['rule', 'mode', 'right', 'wrong', 'unsure', 'not labelled', 'precision', 'recall', 'recall of what is denied'],
    quality.rules.map(({ name, mode, right, wrong, unsure, unlabelled }) => [
      ...[`\`${name}\``, mode, right, wrong, unsure, unlabelled],
      ...[shareText(right, right + wrong), shareText(right, deserving), shareText(right, visible)],
    ]),
  );
};

const byLabel = ({ labels }: RuleQuality): string =>
  table(
    ['label', 'a block is', 'clients', 'with a denial', 'blocked'],
    labels.map(({ label, clients, denied, blocked }) => {
      const deserve = deservesBlock(label);
      return [label, deserve === null ? 'not judged' : deserve ? 'right' : 'wrong', clients, denied, blocked];
    }),
  );

const scoreNames: Readonly<Record<BaselineScore, string>> = {
  denied: 'denials in all',
  peakPerMinute: 'requests in the busiest minute',
  distinctPaths: 'distinct paths',
};

const baselineRow = ({ score, chosen, atLeast, right, wrong }: Baseline, { deserving }: Totals): string[] => [
  atLeast === null ? `${scoreNames[score]}: no threshold` : `${scoreNames[score]} ≥ ${atLeast}`,
  chosen === 'balanced' ? 'highest F1' : 'most without a wrong one',
  shareText(right, right + wrong),
  shareText(right, deserving),
];

const baselines = (quality: RuleQuality): string => {
  const totals = totalsOf(quality);
  const { deserving, innocent } = totals;
  const { right, wrong } = quality.blocked;
  return table(
    ['who is blocked', 'threshold chosen for', 'precision', 'recall'],
    [
      ['**the shipped rules**', 'not on these labels', shareText(right, right + wrong), shareText(right, deserving)],
      ...quality.baselines.map((baseline) => baselineRow(baseline, totals)),
      ['everybody', '—', shareText(deserving, deserving + innocent), shareText(deserving, deserving)],
    ],
  );
};

const listed = (clients: readonly DeniedClient[], labels: ReadonlyMap<number, HandLabel>): string =>
  clients.length === 0
    ? 'None.'
    : table(
        ['client', 'label', 'denials', 'what it did'],
        clients.map(({ rank, denied }) => [
          rank,
          labels.get(rank)?.label ?? '',
          denied,
          labels.get(rank)?.reason ?? '',
        ]),
      );

const mistakes = ({ wrong, missed, spared }: RuleQuality): string => {
  const labels = new Map(handLabels().map((label) => [label.rank, label]));
  const wrongly = wrong.map(({ rank, rules }) => {
    const { label, reason } = labels.get(rank) ?? { label: '', reason: '' };
    return [rank, label, rules.join(', '), reason];
  });
  return `### Blocked wrongly

${wrongly.length === 0 ? 'None.' : table(['client', 'label', 'rules', 'what it did'], wrongly)}

### Denied, and rightly not blocked

${listed(spared, labels)}

### Denied, and missed

${listed(
  missed.filter(({ denied }) => denied > 0),
  labels,
)}

### Never denied, so never seen

${listed(
  missed.filter(({ denied }) => denied === 0),
  labels,
)}`;
};

/** docs/reference/rule-quality.md, whole. */
export const ruleQualityPage = (quality: RuleQuality = keptRuleQuality()): string => `# How good the shipped rules are

Generated from \`docs/rule-quality.json\` by \`npm run docs\`.

The shipped policies and rules on one real log, against [labels](../../test/fixtures/labels-nginx-2025.md) that a reader gave its
${sum(quality.labels.map(({ clients }) => clients))} busiest clients before anything was measured, by what each of them did. No rule was changed for these figures, but they are no
blind test either: the log was known while the rules were written, and [a test](../../test/scenario/real-logs.test.ts) of them
explains each of their blocks on it.

- The log is of one small web server: ${number(quality.log.requests)} requests of ${number(quality.log.clients)} clients in a month. It is not part of the project.
- Clients are named by rank: the order of their first requests. Each counts once, however often it was blocked.
- Clients outside the labelled are **not judged**: ${quality.blocked.unlabelled} of them were blocked. Labels that say unsure are in no share.
- The log's server refused nobody. A client that would have stopped at a denial goes on here, and since nobody can be shown to have
  listened, \`compliance\` asks nothing: the rules that have it block more readily here than in front of clients.
- Intervals are Wilson's, and take clients for independent. Many are one actor under several addresses: the truth is wider.

## In all

${overall(quality)}

Evidence is denials, so a rule cannot see who stays under the limits, and most scanners do: some ask for a handful of pages and go,
others for one page a day for weeks. They are listed [below](#never-denied-so-never-seen). Of those that are denied, a rule asks for
several windows or an overwhelming one, since one burst may be a page or a deploy: most of the [missed](#denied-and-missed) are
scans that are over within a minute or two with fewer denials than that. What is left is the few that make most of the requests.

## By rule

${byRule(quality)}

A rule that blocked nobody here has an unknown precision, not a good one. A rule in shadow blocks nobody.

## By label

${byLabel(quality)}

## Beside simpler ones

Each blocks every client whose score over the whole log reaches a threshold. Its threshold was picked with the answers in hand, on the
labels that it is judged by, and its scores know the end of the log: they flatter. The rules knew the log, not the labels, and
have to decide while it goes on.

${baselines(quality)}

What to make of it: with no client blocked wrongly, a count of distinct paths or of requests a minute finds more of these clients than
the rules do. Where those counts end is decided by the one busy person of this log; a second one, or one heavier page, moves it.
The highest F1 of either is to block everybody, since four of five labelled clients deserve it. Volume is what the rules do without,
because elsewhere it convicts monitors, offices and imports, of which this log has next to none: it shows how much the rules
miss, and is too small to show what they spare.

## Mistakes, one by one

${mistakes(quality)}

## Measuring it again

\`npx tsx docs/measure-rule-quality.ts nginx-2025.log.gz\`, with the log, writes the figures, and \`npm run docs\` this page.
\`test/scenario/rule-quality.test.ts\` fails when figures and rules part.
`;
