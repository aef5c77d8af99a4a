/** What told a number of itself: a process of tidegate, or a gate embedded in a service. */
export const sampleCommands = ['up', 'serve', 'ingest', 'detect', 'gate'] as const;
export type SampleCommand = (typeof sampleCommands)[number];

/** One number that a process told of itself at one instant: what its `/metrics` would say. */
export interface Sample {
  readonly atMs: number;
  /** Names the process for as long as it lives; of a gate, its id. At most 128 characters. */
  readonly process: string;
  readonly command: SampleCommand;
  readonly region: string;
  /** As Prometheus names it: `tidegate_ingest_lag`. */
  readonly figure: string;
  /** As Prometheus names them; bounded as those of `/metrics` are. */
  readonly labels: Readonly<Record<string, string>>;
  /** Finite. */
  readonly value: number;
}
