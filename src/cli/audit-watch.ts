import { type AuditFinding, findingKinds } from '../analytics/audit-findings.ts';
import type { Reconciliation } from '../analytics/audit-reconcile.ts';
import type { Clock, Timer } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Instrumentation } from '../metrics/instrument.ts';

export interface AuditWatchOptions {
  /** Compares what is stored since then, milliseconds since the epoch. */
  readonly audit: (sinceMs: number) => Promise<Pick<Reconciliation, 'drift' | 'findings'>>;
  /** Between the end of one audit and the next, milliseconds. */
  readonly everyMs: number;
  /** Of several processes one is enough. */
  readonly isMine: () => boolean;
  readonly measuring: Pick<Instrumentation, 'audited'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Soon enough to be there when somebody looks, late enough to be no part of the start. */
const firstAfterMs = 60_000;
/** What is older has been audited before, and is audited by `tidegate reconcile`. */
const lookBackMs = 86_400_000;
/** For an audit that is under way when the process stops. */
const stopWithinMs = 2_000;
const maxLinesLogged = 5;

const amountsOf = (findings: readonly AuditFinding[]): ReadonlyMap<string, number> => {
  const amounts = new Map<string, number>(findingKinds.map((kind) => [kind, 0]));
  for (const { kind, amount } of findings) amounts.set(kind, (amounts.get(kind) ?? 0) + amount);
  return amounts;
};

/** Audits now and then, so that drift is a number that somebody can be woken by. */
export class AuditWatch {
  readonly #options: AuditWatchOptions;
  #timer: Timer;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: AuditWatchOptions) {
    this.#options = options;
    this.#timer = options.clock.schedule(Math.min(firstAfterMs, options.everyMs), () => this.#begin());
  }

  /** Waits a little for an audit that is under way; its answer is not needed any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer.cancel();
    let giveUp: () => void = () => undefined;
    const tooLate = new Promise<void>((resolve) => {
      giveUp = resolve;
    });
    const limit = this.#options.clock.schedule(stopWithinMs, giveUp);
    await Promise.race([this.#running, tooLate]);
    limit.cancel();
  }

  #begin(): void {
    const { clock, everyMs, isMine, measuring } = this.#options;
    const mine = isMine();
    if (!mine) measuring.audited(null);
    this.#running = (mine ? this.#audit() : Promise.resolve()).then(() => {
      // It becomes ours when its owner ends; then nobody should wait for an hour.
      const delayMs = mine ? everyMs : Math.min(firstAfterMs, everyMs);
      if (!this.#isStopped) this.#timer = clock.schedule(delayMs, () => this.#begin());
    });
  }

  /** Never rejects. */
  async #audit(): Promise<void> {
    const { audit, measuring, clock, logger } = this.#options;
    try {
      const { drift, findings } = await audit(clock.nowMs() - lookBackMs);
      measuring.audited({ drift, amounts: amountsOf(findings) });
      if (drift === 0) return;
      for (const { kind, topic, partition, what, amount, unit } of findings.slice(0, maxLinesLogged)) {
        const fields = { finding: kind, topic, partition, amount, unit };
        logger.error(fields, `the stored numbers do not agree: ${what}; see tidegate reconcile`);
      }
    } catch (error) {
      // The age of the last one grows, and says it to whoever watches.
      logger.warn({ err: messageOf(error) }, 'the stored numbers could not be compared');
    }
  }
}
