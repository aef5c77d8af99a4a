import type { ClientKind } from '../client.ts';
import type { Problem } from '../errors.ts';

/** How requests are counted. What each is for, and what it costs: the guide to policies. */
export const algorithms = ['token-bucket', 'sliding-window', 'fixed-window', 'leaky-bucket', 'concurrency'] as const;
export type Algorithm = (typeof algorithms)[number];

/**
 * What a limit is keyed by. Empty: one counter for all (global). `route` is the template; `network` is the /48 of an IPv6
 * address, an IPv4 address stands for itself.
 */
export const scopeParts = ['client', 'tenant', 'plan', 'service', 'route', 'address', 'network'] as const;
export type ScopePart = (typeof scopeParts)[number];

/** What happens to a request when no store can decide. */
export const storeFailureModes = ['allow', 'deny', 'local'] as const;
export type StoreFailureMode = (typeof storeFailureModes)[number];

/** Whether every request is counted before it is answered, or counts are brought together now and then. */
export const consistencies = ['exact', 'approximate'] as const;
export type Consistency = (typeof consistencies)[number];

/** Which requests a policy is for. Every given list must match; an absent one matches all. */
export interface PolicyMatch {
  /**
   * `METHOD /path` patterns over the route template or, without one, the path. `*` stands for any method, for one
   * segment, or, as the last segment `**`, for any rest.
   */
  readonly routes?: readonly string[];
  readonly tenants?: readonly string[];
  readonly plans?: readonly string[];
  readonly services?: readonly string[];
  readonly clientKinds?: readonly ClientKind[];
}

/** A named limit. */
export interface Policy {
  /** 1 to 64 characters of `a-z 0-9 . _ -`: it travels in headers, keys and metrics. */
  readonly name: string;
  readonly match: PolicyMatch;
  readonly scope: readonly ScopePart[];
  /** Default `token-bucket`. */
  readonly algorithm: Algorithm;
  /** Units of cost per window; of `concurrency` the units in flight at once. >= 1. */
  readonly limit: number;
  /** 1 ms to 30 days; of `concurrency` how long a place is held that nobody releases. */
  readonly windowMs: number;
  /** Units that may be spent at once, of `leaky-bucket` those that may wait; >= 1. Default, and without a bucket always: the limit. */
  readonly burst: number;
  /** Units one matching request spends, unless the request says. Default 1. */
  readonly cost: number;
  /** Default `local`. */
  readonly onStoreFailure: StoreFailureMode;
  /** `shadow` is evaluated and recorded, never enforced. Default `enforce`. */
  readonly mode: 'enforce' | 'shadow';
  /** Default `exact`. */
  readonly consistency: Consistency;
  /** Of the policies of one group that match a request only one applies. Default null: the policy applies beside all others. */
  readonly group: string | null;
  /** Whole, -1000 to 1000; within a group the highest applies. Default 0. */
  readonly priority: number;
  /** Name of the live policy that this one may replace; it is evaluated beside that one, and always in shadow. Default null. */
  readonly candidateFor: string | null;
}

/** The policies of one file at one moment. */
export interface PolicySet {
  /** 12 hex digits of the SHA-256 of the content: the same rules have the same version in every gate. */
  readonly version: string;
  readonly policies: readonly Policy[];
  /** What is valid, but hardly meant: see the guide to policies. */
  readonly warnings: readonly Problem[];
}

/** Where a gate gets its policies from. */
export interface PolicySource {
  current(): PolicySet;
  /** Calls back after every change that was accepted. Returns the way to stop. */
  onChange(listener: (next: PolicySet) => void): () => void;
  close(): void;
}

/** Whole microseconds between two units of a token bucket, rounded up so that no interval admits more than it should. */
export const emissionIntervalUs = (policy: Pick<Policy, 'limit' | 'windowMs'>): number =>
  Math.ceil((policy.windowMs * 1000) / policy.limit);
