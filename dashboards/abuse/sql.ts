import { increaseOf, increasesOf, lastOf, nowOf, rateOf } from '../figure-sql.ts';
import { decisionsIn, inOrderOfPoints, rollupBucket, rollupSeconds } from '../rollup-sql.ts';

/** Gates follow the list each for itself; the longest is the list. */
export const listNow = nowOf({ figure: 'blockListSize', across: 'max', as: 'entries' });
export const list = {
  largest: lastOf({ figure: 'blockListSize', across: 'max', as: 'entries' }),
  smallest: lastOf({ figure: 'blockListSize', across: 'min', as: 'fewest_at_a_gate' }),
  networks: lastOf({ figure: 'blockListNetworks', across: 'max', as: 'networks' }),
};

const refused = decisionsIn({ measures: ['decisions'], outcomes: ['blocked'] });
export const refusedInAll = `SELECT sum(v.decisions) AS refused FROM ${refused} AS v`;
export const refusedPerSecond = `SELECT ${rollupBucket}, toNullable(sum(v.decisions) / any(${rollupSeconds})) AS refused
FROM ${refused} AS v
GROUP BY time_bucket
HAVING addSeconds(time_bucket, any(${rollupSeconds})) <= $__toTime
${inOrderOfPoints()}`;
export const callsSpared = increaseOf({ figure: 'storeCallsSaved', as: 'calls' });
export const bytesSpared = increaseOf({ figure: 'storeBytesSaved', as: 'bytes' });
export const callsSparedPerSecond = rateOf({ figure: 'storeCallsSaved', as: 'store_calls_spared' });

export const verdictsByResult = increasesOf({
  figure: 'detectVerdicts',
  by: { result: 'tidegate.result' },
  as: 'verdicts',
});
export const suppressedByReason = increasesOf({
  figure: 'detectSuppressed',
  by: { why: 'tidegate.reason' },
  as: 'verdicts',
});
export const breakers = lastOf({
  ...{ figure: 'ruleBreakerOpen', by: { which: 'tidegate.rule' } },
  ...{ across: 'max', within: 'max', as: 'open' },
});
export const heldBack = {
  budget: increasesOf({ figure: 'detectHeldBack', as: 'only_proposed' }),
  refused: increasesOf({ figure: 'detectRefused', as: 'refused_for_good' }),
  failed: increasesOf({ figure: 'detectPromotionFailures', as: 'failed_attempts' }),
};
