import { encodeRow, parseRow, text, whole } from './row-fields.ts';

/**
 * One load of policies by one gate: a row of the topic of policies. On the wire the names are the ones of
 * {@link policyLoadNames}, which are the columns of `policies`.
 */
export interface PolicyLoad {
  /** When they were loaded, milliseconds since the epoch. */
  readonly timeMs: number;
  /** The process that says so, for as long as it lives. */
  readonly emitter: string;
  readonly partition: number;
  /** Position among the loads of this emitter and partition: 1, 2, 3, … Compaction leaves some out. */
  readonly seq: number;
  readonly gate: string;
  readonly region: string;
  /** '' when the gate serves no named one. */
  readonly service: string;
  /** Of the policy file. */
  readonly version: string;
  readonly policyCount: number;
  /** The policies as JSON; '' when they are too many for one record. */
  readonly policies: string;
}

/** Field → wire name, in wire order. */
export const policyLoadNames = {
  timeMs: 'time',
  emitter: 'emitter',
  partition: 'partition',
  seq: 'seq',
  gate: 'gate',
  region: 'region',
  service: 'service',
  version: 'version',
  policyCount: 'policy_count',
  policies: 'policies',
} as const satisfies Record<keyof PolicyLoad, string>;

/** One line of NDJSON, without the line break, in wire order. */
export const encodePolicyLoad = (load: PolicyLoad): string => encodeRow(load, policyLoadNames);

/** The inverse of {@link encodePolicyLoad}; unknown fields are left out. Throws FRAME_CORRUPT. */
export const decodePolicyLoad = (line: string): PolicyLoad => {
  const row = parseRow(line);
  const names = policyLoadNames;
  return {
    timeMs: whole(row, names.timeMs),
    emitter: text(row, names.emitter),
    partition: whole(row, names.partition),
    seq: whole(row, names.seq, 1),
    gate: text(row, names.gate),
    region: text(row, names.region),
    service: text(row, names.service),
    version: text(row, names.version),
    policyCount: whole(row, names.policyCount),
    policies: text(row, names.policies),
  };
};
