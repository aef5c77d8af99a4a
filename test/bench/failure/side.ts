/** Who answered. */
export type Decider = 'store' | 'elsewhere';

export interface Answer {
  readonly allowed: boolean;
  readonly decider: Decider;
}

/** One limiter under test: several gates of it, which share one limit through one Redis. */
export interface Side {
  /** Asks the gate with this index about one client. Never rejects. */
  ask(gate: number, client: string): Promise<Answer> | Answer;
  /** What is left to hand over after a round. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** The same for both sides. */
export const deadlineMs = 20;
export const gates = 4;
/** Units in ten minutes, all of them at once if need be: within a round none comes back. */
export const limit = 100;
export const windowSeconds = 600;
