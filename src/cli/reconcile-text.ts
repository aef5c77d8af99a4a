import type { ReconciliationView } from '../api/reconcile-routes.ts';
import { columns } from './columns.ts';

type Topic = ReconciliationView['topics'][number];
type Partition = Topic['partitions'][number];
type Finding = ReconciliationView['findings'][number];

/** Lines of one table; those that differ or lag come first. */
const maxRows = 32;
const maxFindings = 50;

const number = (value: number): string => value.toLocaleString('en');
const offset = (value: number | null): string => (value === null ? '-' : String(value));
const range = (start: number | null, end: number | null): string => (start === null ? '-' : `${start}..${offset(end)}`);

const partitionRow = (of: Partition): string[] => [
  String(of.partition),
  number(of.blocks),
  range(of.ledgerStart, of.ledgerEnd),
  offset(of.committedOffset),
  of.underWay ? range(of.underWay.startOffset, of.underWay.endOffset) : '-',
  offset(of.logEnd),
  number(of.lagRecords),
  number(of.accountedRows),
  number(of.storedRows),
  number(of.behindRows),
  number(of.drift),
];

const partitionHead =
  'partition blocks ledger committed under-way log-end lag rows-in-ledger rows-stored on-the-way drift';

const partitionsOf = ({ partitions }: Topic): string => {
  const worst = [...partitions].sort(
    (a, b) => b.drift - a.drift || b.lagRecords - a.lagRecords || a.partition - b.partition,
  );
  const shown = worst.slice(0, maxRows).sort((a, b) => a.partition - b.partition);
  const hidden = partitions.length - shown.length;
  const table = columns([partitionHead.split(' '), ...shown.map(partitionRow)]);
  return hidden > 0 ? `${table}… and ${hidden} more partitions\n` : table;
};

const grainsOf = ({ grains }: Topic): string =>
  grains.length === 0
    ? ''
    : columns([
        ['compared', 'with', 'since', 'decisions', 'there', 'drift'],
        ...grains.map((grain) => [
          grain.table,
          grain.source,
          grain.comparedFrom?.slice(0, 10) ?? 'ever',
          number(grain.decisions),
          number(grain.sourceDecisions),
          number(grain.drift),
        ]),
      ]);

const topicOf = (topic: Topic): string =>
  [`${topic.topic} → ${topic.table}\n`, partitionsOf(topic), grainsOf(topic)].filter((part) => part !== '').join('\n');

const findingLine = ({ isDrift, kind, topic, partition, what, next }: Finding): string => {
  const where = partition === null ? topic : `${topic}/${partition}`;
  return `${isDrift ? 'DRIFT' : 'note '} ${kind} ${where}: ${what}. ${next}\n`;
};

const findingsOf = ({ findings, moreFindings }: ReconciliationView): string => {
  const shown = findings.slice(0, maxFindings);
  const hidden = findings.length - shown.length + moreFindings;
  return `${shown.map(findingLine).join('')}${hidden > 0 ? `… and ${hidden} more; --json has up to 200\n` : ''}`;
};

const summaryOf = ({ drift, topics, takenAt }: ReconciliationView): string => {
  const partitions = topics.flatMap((topic) => topic.partitions);
  const rows = partitions.reduce((sum, { storedRows }) => sum + storedRows, 0);
  const seen = `${partitions.length} partitions, ${number(rows)} rows, ${takenAt}`;
  return drift === 0 ? `0 drift: every number agrees (${seen})\n` : `${number(drift)} drift (${seen})\n`;
};

/** An audit for people: a table for each topic, a line for each finding, and the drift as a number. */
export const reconciliationText = (view: ReconciliationView): string =>
  [...view.topics.map(topicOf), findingsOf(view), summaryOf(view)].filter((part) => part !== '').join('\n');
