import type { AlertDefinition } from '../definition.ts';
import { panels } from './panels.ts';
import { above, below, byProcess, figures, grown, minuteMs, now } from './terms.ts';

/** Whether gates decide as they should: by the primary store, within the deadline, with the newest block list. */
export const limiterAlerts: readonly AlertDefinition[] = [
  {
    id: 'degraded-decisions',
    severity: 'page',
    area: 'limiter',
    when: 'More than 1 % of the decisions of the last five minutes were taken without the primary store',
    summary: 'Taken without the primary store: {{value}} of {{dimension}} {{name}}',
    unit: 'share',
    likely: [
      'Redis is away or fails over: `tidegate_store_breaker_open` is above 0.',
      'Redis is slow: degraded decisions by reason say `timeout`.',
      'Redis refuses: out of memory, read-only, or without a permission; the log of the gate says which.',
    ],
    question: { kind: 'decisions', name: 'degraded-decisions' },
    // A failover takes some seconds, and a minute of it is a fifth of the window: what lasts longer does not end by itself.
    forMs: 3 * minuteMs,
    keepFiringMs: 5 * minuteMs,
    // Of one incident: by all decisions or by a region, whichever explains it better, which may change while it grows.
    coveredBy: ['degraded-decisions'],
    dashboard: panels.degradedByReason,
  },
  {
    id: 'deadline-budget',
    severity: 'page',
    area: 'limiter',
    when: 'Decisions over 20 ms use up their budget of the month (one in 1,000) 14.4 times too fast over an hour and five minutes, or six times over six hours and 30 minutes',
    summary:
      'Decisions over the deadline burn their budget {{value}} times too fast in {{dimension}} {{name}}: {{slow}} of {{decisions}}',
    unit: 'ratio',
    likely: [
      'Redis answers late: the p99 of decisions by `store`.',
      'The event loop of the gate is blocked: `nodejs_eventloop_delay_p99_seconds` of the process.',
      'The network between the gate and Redis: one region alone.',
    ],
    question: { kind: 'decisions', name: 'deadline-budget' },
    forMs: minuteMs,
    keepFiringMs: 5 * minuteMs,
    coveredBy: ['deadline-budget'],
    dashboard: panels.overDeadline,
  },
  {
    id: 'store-latency',
    severity: 'page',
    area: 'limiter',
    when: 'Less than 95 % of the timed calls of the counter store took 10 ms at most, over five minutes with more than 30 of them',
    summary: 'Only {{value}} of the calls of the counter store take 10 ms at most, half of the deadline',
    unit: 'share',
    likely: [
      'Redis is busy: `redis-cli --latency`, `INFO commandstats`, `SLOWLOG GET 10`.',
      'A fork for a snapshot, or a swap: `latest_fork_usec` in `INFO stats`.',
      'The network, or a gate far from its Redis: one process alone in the panel.',
      'The event loop of the gate: `nodejs_eventloop_delay_p99_seconds` of the process.',
    ],
    // 10 ms is half of the default deadline: the next doubling makes degraded decisions of them. A bucket ends there.
    question: figures({
      value: grown('storeDuration', 5 * minuteMs, { part: 'bucket', where: { le: '0.01' } }),
      per: grown('storeDuration', 5 * minuteMs, { part: 'count' }),
      bound: below(0.95),
      // One call in 16 is timed: of fewer than 30, a single pause of the process is more than 5 %.
      during: { value: grown('storeDuration', 5 * minuteMs, { part: 'count' }), bound: above(30) },
    }),
    forMs: 2 * minuteMs,
    keepFiringMs: 5 * minuteMs,
    dashboard: panels.storeLatency,
  },
  {
    id: 'store-breaker-open',
    severity: 'page',
    area: 'limiter',
    when: 'Gates of a process have left their store alone for two minutes, because it failed',
    summary: 'Gates of {{process}} leave their store alone because it failed: {{value}} of them',
    unit: 'count',
    likely: [
      'Redis is down or unreachable from this process: `redis-cli -u "$TIDEGATE_REDIS_URL" ping` beside it.',
      'Credentials or certificates have changed: the log of the process says so.',
      'All processes at once: Redis itself; one alone: its network.',
    ],
    question: figures({ by: byProcess, value: now('breakerOpen', 'sum'), bound: above(0) }),
    // A failover opens it for seconds; the probe closes it again.
    forMs: 2 * minuteMs,
    keepFiringMs: 2 * minuteMs,
    dashboard: panels.breakersOpen,
  },
  {
    id: 'counters-lost',
    severity: 'ticket',
    area: 'limiter',
    when: 'A gate found within the last quarter of an hour that Redis had lost counters',
    summary:
      'Redis has lost counters ({{tidegate_loss}}, noticed {{value}} ×): limits admit more until they have filled again',
    unit: 'count',
    likely: [
      '`failover`: a replica took over that had not seen the last writes.',
      '`flushed`: somebody ran FLUSHALL, or Redis came back without its data.',
      '`rolled-back`: Redis came back from an old snapshot.',
    ],
    question: figures({
      by: ['tidegate_loss'],
      value: grown('countersLost', 15 * minuteMs),
      bound: above(0),
    }),
    forMs: 0,
    keepFiringMs: 0,
    dashboard: panels.countersLost,
  },
  {
    id: 'block-list-old',
    severity: 'page',
    area: 'limiter',
    when: 'The block list in a process has not been known to be complete for more than 30 s, for two minutes',
    summary:
      'The block list in {{process}} is {{value}} old: it enforces the last list it knows, and hears of no new and no lifted block',
    unit: 'seconds',
    likely: [
      'Redis of the block list is away from this process: `tidegate_block_list_failures_total` grows.',
      'The process is too busy to follow: `nodejs_eventloop_utilization_ratio` is near 1.',
    ],
    // It is asked every second: half a minute is thirty answers that did not come.
    question: figures({ by: byProcess, value: now('blockListAge', 'max'), bound: above(30) }),
    forMs: 2 * minuteMs,
    keepFiringMs: 2 * minuteMs,
    dashboard: panels.blockListAge,
  },
];
