/** What a process of the loop is, and where it finds the engines. */
export interface LoopRole {
  readonly role: 'gate' | 'detect' | 'flow';
  readonly redisUrl: string;
  readonly kafkaUrl: string;
  /** Keeps this run apart from others on the same engines. */
  readonly namespace: string;
}

/** Told to a gate. */
export type GateOrder =
  /** Denies this client until a rule must conclude, and says when that was. */
  | { readonly kind: 'push'; readonly client: string }
  /** Says when its block list holds, or no longer holds, this client. */
  | { readonly kind: 'watch'; readonly client: string; readonly held: boolean };

/** Said by any process: `at` is milliseconds since the epoch, with fractions, by the clock that all of them share. */
export type LoopWord =
  | { readonly kind: 'ready' }
  | { readonly kind: 'pushed'; readonly client: string; readonly at: number }
  | { readonly kind: 'seen'; readonly client: string; readonly at: number }
  /** The bare way: word of this client came through. */
  | { readonly kind: 'heard'; readonly client: string; readonly at: number };

export const gateCount = 8;
/** Rows that flow past the detector while it is measured, per second. */
export const flowRowsPerSecond = 20_000;
/** Denials that complete the evidence of the rule below. */
export const decidingDenials = 10;

export const loopRules = `version: 1
budget: { blocksPerHour: 100000, blocksPerMinute: 100000 }
rules:
  - name: loop
    mode: enforce
    depth: { denied: ${decidingDenials}, deniedShare: 0.5 }
    windows: { length: 60s, hit: 1, of: 1 }
    block: { base: 1h, jitter: 0 }
    budget: { blocksPerHour: 100000, blocksPerMinute: 100000 }
`;

export const bareChannel = (namespace: string): string => `${namespace}:bare`;

export const preciseNowMs = (): number => performance.timeOrigin + performance.now();
