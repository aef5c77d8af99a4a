import type { Client } from '../client.ts';
import type { Allowed, Decision, DecisionSource, DegradedReason, Denied, LimitState } from '../decision/decision.ts';
import type { LimitVerdict, Receipt } from './ask-limits.ts';
import type { Asked } from './asked.ts';

/** Fail-closed knows no counter: a second is when the store is asked again at the latest. */
const failClosedRetryMs = 1000;

/** Callers without types may have nothing, or a copy or a wrapper of a decision, which was never given out here. */
const isCounted = (decision: unknown): decision is object => typeof decision === 'object' && decision !== null;

/** Keeps what was taken out of sight: a decision is data for everybody but the gate. */
class Counted {
  readonly client: Client;
  readonly route: string;
  readonly source: DecisionSource;
  readonly degraded: DegradedReason | null;
  readonly policyVersion: string;
  readonly cost: number;
  readonly limits: readonly LimitState[];
  readonly deciding: LimitState | null;
  readonly candidateOutcome: 'allowed' | 'denied' | null;
  readonly compensated: boolean;
  #receipt: Receipt | null;

  constructor({ client, route }: Asked, verdict: LimitVerdict, policyVersion: string) {
    this.client = client;
    this.route = route;
    this.source = verdict.source;
    this.degraded = verdict.degraded;
    this.policyVersion = policyVersion;
    this.cost = verdict.cost;
    this.limits = verdict.limits;
    this.deciding = verdict.deciding;
    this.candidateOutcome = verdict.candidateOutcome;
    this.compensated = verdict.compensated;
    this.#receipt = verdict.receipt;
  }

  static receiptOf(decision: Decision): Receipt | null {
    return isCounted(decision) && #receipt in decision ? decision.#receipt : null;
  }

  static replaceReceipt(decision: Decision, receipt: Receipt | null): void {
    if (isCounted(decision) && #receipt in decision) decision.#receipt = receipt;
  }
}

class AllowedDecision extends Counted implements Allowed {
  readonly outcome = 'allowed';
  readonly delayMs: number;

  constructor(asked: Asked, verdict: LimitVerdict, policyVersion: string) {
    super(asked, verdict, policyVersion);
    this.delayMs = verdict.delayMs;
  }
}

class DeniedDecision extends Counted implements Denied {
  readonly outcome = 'denied';
  readonly retryAfterMs: number | null;

  constructor(asked: Asked, verdict: LimitVerdict, policyVersion: string) {
    super(asked, verdict, policyVersion);
    this.retryAfterMs = verdict.deciding ? verdict.deciding.retryAfterMs : failClosedRetryMs;
  }
}

/** What the gate says of a request whose limits were asked. */
export const countedDecision = (asked: Asked, verdict: LimitVerdict, policyVersion: string): Allowed | Denied =>
  verdict.allowed
    ? new AllowedDecision(asked, verdict, policyVersion)
    : new DeniedDecision(asked, verdict, policyVersion);

/** What was taken for a decision; null when nothing was, or when it has been given back. */
export const { receiptOf, replaceReceipt } = Counted;
