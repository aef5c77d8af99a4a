/** What a limit is keyed by. Empty: one counter for all (global). */
export const scopeParts = ['client', 'tenant', 'route'] as const;
export type ScopePart = (typeof scopeParts)[number];

/** What happens to a request when no store can decide. */
export type StoreFailureMode = 'allow' | 'deny' | 'local';

/** Which requests a policy is for. Every given list must match; an absent one matches all. */
export interface PolicyMatch {
  /**
   * `METHOD /path` patterns over the route template or, without one, the path. `*` stands for any method, for one
   * segment, or, as the last segment `**`, for any rest.
   */
  readonly routes?: readonly string[];
  readonly tenants?: readonly string[];
  readonly clientKinds?: readonly ('key' | 'user' | 'ip')[];
}

/** A named limit. */
export interface Policy {
  /** 1 to 64 characters of `a-z 0-9 . _ -`: it travels in headers, keys and metrics. */
  readonly name: string;
  readonly match: PolicyMatch;
  readonly scope: readonly ScopePart[];
  readonly algorithm: 'token-bucket';
  /** Units of cost per window, >= 1. */
  readonly limit: number;
  /** 1 ms to 30 days. */
  readonly windowMs: number;
  /** Units that may be spent at once, >= 1. Default: the limit. */
  readonly burst: number;
  /** Units one matching request spends, unless the request says. Default 1. */
  readonly cost: number;
  /** Default `local`. */
  readonly onStoreFailure: StoreFailureMode;
  /** `shadow` is evaluated and recorded, never enforced. Default `enforce`. */
  readonly mode: 'enforce' | 'shadow';
}

/** The policies of one file at one moment. */
export interface PolicySet {
  /** 12 hex digits of the SHA-256 of the content: the same rules have the same version in every gate. */
  readonly version: string;
  readonly policies: readonly Policy[];
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
