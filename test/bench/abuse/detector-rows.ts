import { join } from 'node:path';
import { systemClock } from '../../../src/clock.ts';
import { NoteTaker } from '../../../src/detect/notes.ts';
import { PartitionDetector } from '../../../src/detect/partition-detector.ts';
import { readRuleFile } from '../../../src/detect/rule-file.ts';
import type { LogRecord } from '../../../src/event/event-log.ts';
import { EventScanner, seenEventsOf } from '../../../src/event/event-scan.ts';
import { formatFrameHeaders } from '../../../src/event/frame.ts';
import { silentLogger } from '../../../src/logger.ts';
import type { Contest, Duel } from '../contest.ts';
import { makeFrames, partitions } from '../pipeline/frames.ts';

const leastRows = 400_000;
/** Decisions that one gate merges into rows, four times a second. */
const perFlush = 20_000;

const rulesFile = join(import.meta.dirname, '../../../policies/rules.yaml');

interface Logged {
  readonly partition: number;
  readonly record: LogRecord;
}

/** What Kafka would hand over. */
const loggedFrames = async (): Promise<{ readonly logged: readonly Logged[]; readonly rows: number }> => {
  const { frames } = await makeFrames({ emitterId: 'bench', perFlush, rows: leastRows });
  const offsets = new Map<number, number>();
  const logged = frames.map(({ partition, headers, body }): Logged => {
    const offset = offsets.get(partition) ?? 0;
    offsets.set(partition, offset + 1);
    return {
      partition,
      record: { offset, appendedAtMs: headers.maxTimeMs + 50, headers: formatFrameHeaders(headers), body },
    };
  });
  return { logged, rows: frames.reduce((sum, { headers }) => sum + headers.rows, 0) };
};

const noNotes = { noteTraffic: () => Promise.resolve(), noteIdentities: () => Promise.resolve() };

const open = async (): Promise<Duel> => {
  const { rules } = await readRuleFile(rulesFile);
  const { logged, rows } = await loggedFrames();
  const detectAll = (): number => {
    const notes = new NoteTaker({ blockList: noNotes, clock: systemClock, logger: silentLogger });
    const scanner = new EventScanner();
    const detectors = Array.from({ length: partitions }, (_, partition) => {
      notes.assigned(partition, false);
      return new PartitionDetector({ partition, rules, fromOffset: 0, served: (row) => notes.see(partition, row) });
    });
    for (const { partition, record } of logged) {
      const events = seenEventsOf(record, scanner, (error) => {
        throw error;
      });
      detectors[partition]?.observe({ offset: record.offset, appendedAtMs: record.appendedAtMs, events });
    }
    return detectors.reduce((sum, detector) => sum + detector.stats().events, 0);
  };
  const parseAll = (): number => {
    let parsed = 0;
    for (const { record } of logged) {
      for (const line of record.body.toString('utf8').split('\n')) {
        if (line !== '' && (JSON.parse(line) as { count: number }).count > 0) parsed += 1;
      }
    }
    return parsed;
  };
  const perSecond = (read: () => number) => (): Promise<number> => {
    // Processor time, and that of the collector with it: what one core would do that had nothing else to do.
    const before = process.cpuUsage();
    const seen = read();
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1_000_000;
    return seen === rows ? Promise.resolve(rows / seconds) : Promise.reject(new Error(`${seen} rows of ${rows}`));
  };
  return { ours: perSecond(detectAll), theirs: perSecond(parseAll), close: () => Promise.resolve() };
};

export const detectorRows: Contest = {
  name: 'detector-rows',
  unit: 'rows/s',
  better: 'higher',
  reference: 'JSON.parse of the same lines',
  aim: null,
  about: `${leastRows.toLocaleString('en-US')} rows that a gate merged of ${perFlush.toLocaleString('en-US')} decisions four times a second, 3 in 100 of them denied, in 12 partitions, per second of processor time: checksums, decoding, duplicates, all shipped rules, traffic and identities. Beside it their lines are only parsed. At least 200,000 rows/s are wanted.`,
  open,
};
