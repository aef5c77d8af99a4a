import type { Decision } from '../decision/decision.ts';
import type { Gate } from '../gate/gate.ts';
import type { Logger } from '../logger.ts';
import { answeredAtOnce } from '../option-checks.ts';

/** What became of a request that was served. */
export interface ResponseOutcome {
  readonly status: number;
}

/** How a response ended. `whole` is false when the connection went before that. */
export interface ResponseEnd extends ResponseOutcome {
  readonly whole: boolean;
}

/** Takes the end of a response; the second time nothing happens. */
export type Settle = (end: ResponseEnd) => void;

export type RefundWhen = (outcome: ResponseOutcome) => boolean;

export interface SettleOptions {
  readonly gate: Gate;
  readonly refundWhen?: RefundWhen | undefined;
  readonly logger?: Logger | undefined;
}

/** Shadow limits hold places of requests that were denied, too. */
const mayHoldPlaces = ({ limits }: Decision): boolean => {
  for (const { algorithm } of limits) if (algorithm === 'concurrency') return true;
  return false;
};

/** The response is over: nobody is left to hand an error to, and it must not end the process. */
const isRefundable = ({ refundWhen, logger }: SettleOptions, { status, whole }: ResponseEnd): boolean => {
  if (!whole) return false;
  try {
    return answeredAtOnce('refundWhen', refundWhen?.({ status }));
  } catch (error) {
    if (logger) logger.error({ err: error }, 'refundWhen failed: nothing was given back');
    else globalThis.process?.emitWarning?.(error instanceof Error ? error : String(error));
    return false;
  }
};

/**
 * What a request gives back once its response is over: places however it ended, units only after a whole response. Null:
 * nothing.
 */
export const settleFor = (decision: Decision, options: SettleOptions): Settle | null => {
  const { gate, refundWhen } = options;
  const mayRefund = refundWhen !== undefined && decision.outcome === 'allowed';
  const mayRelease = mayHoldPlaces(decision);
  if (!mayRefund && !mayRelease) return null;
  let isOver = false;
  return (end) => {
    if (isOver) return;
    isOver = true;
    if (mayRefund && isRefundable(options, end)) void gate.refund(decision);
    if (mayRelease) void gate.release(decision);
  };
};
