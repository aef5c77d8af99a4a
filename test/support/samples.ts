import type { Sample } from '../../src/metrics/sample.ts';

/** One sample of a process that ingests. */
export const sampleOf = (over: Partial<Sample> = {}): Sample => ({
  atMs: 1_750_000_000_000,
  process: 'ingest-1',
  command: 'ingest',
  region: 'eu',
  figure: 'tidegate_ingest_lag',
  labels: {},
  value: 1,
  ...over,
});
