import type { Finding } from '../clickhouse/check.ts';
import { formatDurationMs } from '../duration.ts';
import { type Positions, topics as topicNames } from '../event/event-log.ts';
import type { TopicFacts } from '../kafka/topic-facts.ts';

/** A clock that is off by more than a second shows in freshness and in the order of evidence; nothing breaks. */
export const tolerableSkewMs = 1_000;
/** By more than five minutes, denials land in windows that detectors have closed, and blocks expire at the wrong time. */
export const unusableSkewMs = 300_000;
/** A long weekend on which nobody looks. */
export const leastRetentionMs = 3 * 86_400_000;
/**
 * The longest that may lie between a first insert of a block and the last one under the same token: the owner is silent
 * for a session (10 s), its insert still runs to its end on the server (8 s), its successor waits a moment before it
 * trusts a count (1 s), and fetches (0.25 s).
 */
export const longestPauseMs = 10_000 + 8_000 + 1_000 + 250;
/** Blocks a second where nothing is known yet: more than a server of a few cores takes. */
export const assumedBlocksPerSecond = 100;
/** Blocks come in bursts: a window that is overrun within the longest pause forgets a token that may still be needed. */
const comfortableMargin = 3;

/** A clock beside this process's own. */
export interface ClockReading {
  readonly name: string;
  /** At least so far ahead (> 0) or behind (< 0): what the way of the question does not explain, milliseconds. */
  readonly aheadMs: number;
}

/** What is known when a process that stores blocks starts. */
export interface StartFacts {
  /** Those that are there; empty for a log inside the process. */
  readonly topics: readonly TopicFacts[];
  /** Just behind the end of the ledger, by topic and partition. */
  readonly ledgerEnds: ReadonlyMap<string, Positions>;
  /** What the database says of itself. */
  readonly database: readonly Finding[];
  /** Blocks stored in the busiest minute of the last day; null: none. */
  readonly busiestMinuteBlocks: number | null;
  readonly clocks: readonly ClockReading[];
}

export interface StartFinding {
  readonly subject: string;
  readonly state: 'ok' | 'warn' | 'refuse';
  /** What was found and, if it is not ok, what to do. */
  readonly message: string;
}

/** What a start has found, and the margins that metrics show. */
export interface StartChecks {
  readonly findings: readonly StartFinding[];
  /** How many times the longest pause fits into what the smallest deduplication window remembers; null: without a window. */
  readonly dedupMarginRatio: number | null;
  /** The largest difference between this clock and another one, milliseconds. */
  readonly skewMs: number;
  /** The shortest time for which a topic keeps records, milliseconds; null: none is known to forget. */
  readonly retentionMs: number | null;
}

const found = (state: StartFinding['state'], subject: string, message: string): StartFinding => ({
  state,
  subject,
  message,
});

const judgeWindow = ({
  database,
  busiestMinuteBlocks,
}: StartFacts): { finding: StartFinding[]; ratio: number | null } => {
  const windows = database.flatMap(({ windowBlocks }) => (windowBlocks === undefined ? [] : [windowBlocks]));
  if (windows.length === 0) return { finding: [], ratio: null };
  const window = Math.min(...windows);
  const measured = (busiestMinuteBlocks ?? 0) / 60;
  const pace = busiestMinuteBlocks === null ? assumedBlocksPerSecond : Math.max(measured, 1);
  const ratio = (window / pace) * (1_000 / longestPauseMs);
  const source = busiestMinuteBlocks === null ? 'assumed' : 'in the busiest minute of the last day';
  const seconds = Math.floor(window / pace);
  const numbers = `${window} blocks are ${seconds} s at ${Math.ceil(pace)} blocks a second (${source}), ${ratio.toFixed(1)} times the longest pause of ${longestPauseMs / 1_000} s`;
  const advice = 'raise non_replicated_deduplication_window, or let blocks be fewer and larger';
  const subject = 'dedup margin';
  if (ratio < 1) return { finding: [found('refuse', subject, `${numbers}; ${advice}`)], ratio };
  const state = ratio < comfortableMargin ? 'warn' : 'ok';
  return { finding: [found(state, subject, state === 'ok' ? numbers : `${numbers}; ${advice}`)], ratio };
};

const highest = (positions: Positions): number => Math.max(-1, ...positions.keys());

/** Partitions 0 to n-1, all of them, and no other. */
const isPrefix = (positions: Positions, count: number): boolean => positions.size === count;

const judgePartitions = ({ topic, partitions }: TopicFacts, ends: Positions): StartFinding => {
  const subject = `partitions of ${topic}`;
  const seen = highest(ends) + 1;
  if (seen > partitions) {
    const what = `${partitions}, and blocks of ${seen} have been stored: the topic was made anew with fewer, and gates that run since then send to partitions that are gone`;
    const advice = `restart the gates; then, to go on with ${partitions}: ALTER TABLE ingest_blocks DELETE WHERE topic = '${topic}' AND partition >= ${partitions}`;
    return found('refuse', subject, `${what}; ${advice}`);
  }
  // With fewer clients than partitions some stay empty anywhere; that all the empty ones are the last ones is no accident.
  if (seen >= 2 && seen < partitions && isPrefix(ends, seen)) {
    const what = `${partitions}, and only the first ${seen} have ever brought anything: where partitions were added, clients have moved`;
    return found('warn', subject, `${what}, and a detector has half of their history for as long as its windows are`);
  }
  return found('ok', subject, String(partitions));
};

const judgeEnds = ({ topic, ends }: TopicFacts, stored: Positions): StartFinding[] => {
  const beyond = [...stored].filter(([partition, offset]) => offset > (ends.get(partition) ?? offset));
  const [first] = beyond;
  if (!first) return [];
  const [partition, offset] = first;
  const others = beyond.length === 1 ? '' : `, and in ${beyond.length - 1} more`;
  const what = `partition ${partition} ends at ${ends.get(partition) ?? 0}, and is stored to ${offset}${others}: the topic was made anew, or the broker has lost records`;
  const then =
    'ingest reads it from its oldest record and stores what it has not; find out what became of the rest: tidegate reconcile';
  return [found('warn', `end of ${topic}`, `${what}; ${then}`)];
};

const judgeRetention = (facts: TopicFacts): StartFinding[] => {
  const { topic, retentionMs, retentionBytes, compacted } = facts;
  if (compacted || topic === topicNames.deadLetters) return [];
  const subject = `retention of ${topic}`;
  const bridges = 'an outage of ingest or ClickHouse that lasts longer loses events';
  if (retentionMs !== null && retentionMs < leastRetentionMs) {
    const advice = `raise retention.ms to ${leastRetentionMs} or more`;
    return [found('warn', subject, `${formatDurationMs(retentionMs)}: ${bridges}; ${advice}`)];
  }
  if (retentionBytes !== null) {
    return [
      found('warn', subject, `retention.bytes ${retentionBytes} ends it sooner when there is much traffic: ${bridges}`),
    ];
  }
  return [found('ok', subject, retentionMs === null ? 'no end known' : formatDurationMs(retentionMs))];
};

const judgeStamps = ({ topic, appendTime, compacted }: TopicFacts): StartFinding[] => {
  if (appendTime !== false || compacted) return [];
  const advice = `kafka-configs --alter --entity-type topics --entity-name ${topic} --add-config message.timestamp.type=LogAppendTime`;
  return [found('warn', `timestamps of ${topic}`, `are those of the gates: retention follows their clocks; ${advice}`)];
};

const judgeClock = ({ name, aheadMs }: ClockReading): StartFinding => {
  const subject = `clock of ${name}`;
  const skewMs = Math.abs(aheadMs);
  if (skewMs <= tolerableSkewMs) return found('ok', subject, 'within a second of this one');
  const what = `at least ${Math.round(skewMs / 100) / 10} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this one`;
  return found(
    skewMs > unusableSkewMs ? 'refuse' : 'warn',
    subject,
    `${what}; let both machines follow the same time (NTP)`,
  );
};

/** Kafka does not tell its time; records that were appended later than now do. */
const clocksOf = ({ clocks, topics }: StartFacts): ClockReading[] => {
  const stamped = topics.filter(({ appendTime }) => appendTime === true);
  const aheadMs = Math.max(0, ...stamped.map((topic) => topic.aheadMs));
  // A record is found behind a threshold: by how much is not known.
  return stamped.length === 0 ? [...clocks] : [...clocks, { name: 'Kafka', aheadMs: aheadMs === 0 ? 0 : aheadMs + 1 }];
};

/** Judges what was found. Pure. */
export const judgeStart = (facts: StartFacts): StartChecks => {
  const { topics, ledgerEnds, database } = facts;
  const window = judgeWindow(facts);
  const clocks = clocksOf(facts);
  const noEnds: Positions = new Map();
  const limits = topics.flatMap(({ retentionMs, compacted }) =>
    retentionMs === null || compacted ? [] : [retentionMs],
  );
  return {
    findings: [
      ...database.map(({ ok, subject, message }) => found(ok ? 'ok' : 'refuse', subject, message)),
      ...window.finding,
      ...topics.flatMap((topic) => {
        const ends = ledgerEnds.get(topic.topic) ?? noEnds;
        return [
          judgePartitions(topic, ends),
          ...judgeEnds(topic, ends),
          ...judgeRetention(topic),
          ...judgeStamps(topic),
        ];
      }),
      ...clocks.map(judgeClock),
    ],
    dedupMarginRatio: window.ratio,
    skewMs: Math.max(0, ...clocks.map(({ aheadMs }) => Math.abs(aheadMs))),
    retentionMs: limits.length === 0 ? null : Math.min(...limits),
  };
};
