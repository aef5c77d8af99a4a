import { type Auditor, auditedTopics } from '../analytics/audit.ts';
import { reconcile } from '../analytics/audit-reconcile.ts';
import type { AskReconciliation } from '../api/reconcile-routes.ts';
import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import type { EventLog } from '../event/event-log.ts';
import { logSideOf } from './reconcile-log.ts';

const keptMs = 10_000;

interface Answer {
  readonly given: ReturnType<AskReconciliation>;
  readonly askedAtUs: number;
}

/** Answers for the API: one audit at a time, each kept for ten seconds, so that asking often costs nothing. */
export const reconciling = (options: { auditor: Auditor; log: EventLog; clock: Clock }): AskReconciliation => {
  const { auditor, log, clock } = options;
  const side = logSideOf(log);
  const answers = new Map<string | null, Answer>();
  let tail: Promise<unknown> = Promise.resolve();
  return async (topic) => {
    if (topic !== null && !auditedTopics.includes(topic)) {
      throw new TidegateError('INPUT_INVALID', `query.topic must be one of ${auditedTopics.join(', ')}`);
    }
    const nowUs = clock.monotonicUs();
    const kept = answers.get(topic);
    if (kept && nowUs - kept.askedAtUs < keptMs * 1000) return kept.given;
    const given = tail.then(() => reconcile({ auditor, log: side, ...(topic === null ? {} : { topics: [topic] }) }));
    tail = given.catch(() => undefined);
    answers.set(topic, { given, askedAtUs: nowUs });
    // What failed is asked again by the next one.
    given.catch(() => answers.delete(topic));
    return given;
  };
};
