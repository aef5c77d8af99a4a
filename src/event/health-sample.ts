import { TidegateError } from '../errors.ts';
import { encodeRow, parseRow, type Row, text, whole } from './row-fields.ts';

/**
 * One number that a process told of itself: a row of the topic of health. On the wire the names are the ones of
 * {@link healthSampleNames}, which are the columns of `health_samples`.
 */
export interface HealthSample {
  /** When it was told, milliseconds since the epoch. */
  readonly timeMs: number;
  /** The process that wrote it, for as long as it lives. */
  readonly emitter: string;
  readonly partition: number;
  /** Position among the samples of this emitter and partition: 1, 2, 3, … */
  readonly seq: number;
  /** Whom it is about: the process itself, or a gate that only has its heartbeat. */
  readonly process: string;
  readonly command: string;
  readonly region: string;
  /** As Prometheus names it. */
  readonly figure: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Finite. */
  readonly value: number;
}

/** Field → wire name, in wire order. */
export const healthSampleNames = {
  timeMs: 'time',
  emitter: 'emitter',
  partition: 'partition',
  seq: 'seq',
  process: 'process',
  command: 'command',
  region: 'region',
  figure: 'figure',
  labels: 'labels',
  value: 'value',
} as const satisfies Record<keyof HealthSample, string>;

const refuse = (name: string): never => {
  throw new TidegateError('FRAME_CORRUPT', `event field ${name} is missing or of another type`);
};

const finite = (row: Row, name: string): number => {
  const value = row[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : refuse(name);
};

const labelsIn = (row: Row, name: string): Record<string, string> => {
  const value = row[name];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(name);
  const labels = Object.entries(value);
  return labels.every((label): label is [string, string] => typeof label[1] === 'string')
    ? Object.fromEntries(labels)
    : refuse(name);
};

/** One line of NDJSON, without the line break, in wire order. */
export const encodeHealthSample = (sample: HealthSample): string => encodeRow(sample, healthSampleNames);

/** The inverse of {@link encodeHealthSample}; unknown fields are left out. Throws FRAME_CORRUPT. */
export const decodeHealthSample = (line: string): HealthSample => {
  const row = parseRow(line);
  const names = healthSampleNames;
  return {
    timeMs: whole(row, names.timeMs),
    emitter: text(row, names.emitter),
    partition: whole(row, names.partition),
    seq: whole(row, names.seq, 1),
    process: text(row, names.process),
    command: text(row, names.command),
    region: text(row, names.region),
    figure: text(row, names.figure),
    labels: labelsIn(row, names.labels),
    value: finite(row, names.value),
  };
};
