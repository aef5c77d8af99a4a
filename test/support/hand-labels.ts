import { readFileSync } from 'node:fs';

export const labels = ['scanner', 'abusive', 'crawler', 'person', 'monitor', 'unsure'] as const;
export type Label = (typeof labels)[number];

/** What a reader took a client of a log for. */
export interface HandLabel {
  /** See `LogClient`. */
  readonly rank: number;
  readonly label: Label;
  readonly reason: string;
}

/** Whether to block it would be right; null: nobody knows. */
export const deservesBlock = (label: Label): boolean | null =>
  label === 'unsure' ? null : label === 'scanner' || label === 'abusive';

const line = /^([1-9]\d{0,6}),([a-z]+),([^,"]{10,160})$/;
const isLabel = (text: string): text is Label => (labels as readonly string[]).includes(text);

/** Reads `rank,label,reason` with a header; throws naming the line that says something else, or says it of a client twice. */
export const parseHandLabels = (text: string): HandLabel[] => {
  const [header, ...rows] = text.trimEnd().split('\n');
  if (header !== 'rank,label,reason') throw new Error('line 1: the header is rank,label,reason');
  const seen = new Set<number>();
  return rows.map((row, index) => {
    const [, rank = '', label = '', reason = ''] = line.exec(row) ?? [];
    if (!isLabel(label)) throw new Error(`line ${index + 2}: not a rank, one of ${labels.join(', ')}, and a reason`);
    if (seen.has(Number(rank))) throw new Error(`line ${index + 2}: client ${rank} has a label already`);
    seen.add(Number(rank));
    return { rank: Number(rank), label, reason };
  });
};

/** The labels of test/fixtures, most requests first. */
export const handLabels = (): HandLabel[] =>
  parseHandLabels(readFileSync(new URL('../fixtures/labels-nginx-2025.csv', import.meta.url), 'utf8'));
