import { systemClock } from '../../src/clock.ts';
import { TidegateError } from '../../src/errors.ts';
import type { EventLog, FrameWriter, LogReader, RecordHandler } from '../../src/event/event-log.ts';
import type { EventTable, RowRun } from '../../src/ingest/event-table.ts';
import type { Arm, Moment, Operation } from './points.ts';

const failure = (operation: Operation): TidegateError =>
  operation === 'intent' || operation === 'ack' || operation === 'bury'
    ? new TidegateError('LOG_FAILED', `${operation}: made to fail`, { retryable: true })
    : new TidegateError('TABLE_FAILED', `${operation}: made to fail`, { retryable: true });

/** Native threads go on with what they do meanwhile; nothing of this process' own does. */
const spin = (durationUs: number): void => {
  const end = systemClock.monotonicUs() + durationUs;
  while (systemClock.monotonicUs() < end);
};

interface Work<T> {
  run(): Promise<T>;
  /** What is left of it when it fails half-way. Default: nothing. */
  half?(): Promise<unknown>;
  /** The work is done by threads of this process, not by this one and others elsewhere. */
  readonly isNative: boolean;
}

/** Makes one process die, stop or fail where it is told to. */
export class Trigger {
  readonly #arms: Arm[];
  readonly #seen = new Map<Operation, number>();

  readonly #onSignal: (arm: Arm) => void;

  /** `onSignal` is called just before the process kills or stops itself. */
  constructor(arms: readonly Arm[], onSignal: (arm: Arm) => void) {
    this.#arms = [...arms];
    this.#onSignal = onSignal;
  }

  add(arm: Arm): void {
    // Counted from now on.
    this.#arms.push({ ...arm, occurrence: arm.occurrence + (this.#seen.get(arm.operation) ?? 0) });
  }

  async around<T>(operation: Operation, work: Work<T>): Promise<T> {
    const occurrence = (this.#seen.get(operation) ?? 0) + 1;
    this.#seen.set(operation, occurrence);
    const armed = (moment: Moment): Arm | undefined =>
      this.#arms.find((arm) => arm.operation === operation && arm.moment === moment && arm.occurrence === occurrence);
    this.#strike(armed('before'));
    const during = armed('during');
    const result = await (during ? this.#within(during, work) : work.run());
    this.#strike(armed('after'));
    return result;
  }

  #strike(arm: Arm | undefined): void {
    if (!arm) return;
    if (arm.fault === 'reject') throw failure(arm.operation);
    this.#onSignal(arm);
    process.kill(process.pid, arm.fault === 'kill' ? 'SIGKILL' : 'SIGSTOP');
    // A signal to oneself arrives at once, but other threads may run on for a moment.
    spin(50_000);
  }

  async #within<T>(arm: Arm, work: Work<T>): Promise<T> {
    if (arm.fault === 'reject') {
      await work.half?.();
      throw failure(arm.operation);
    }
    const running = work.run();
    if (work.isNative) {
      spin(arm.delayUs);
      this.#strike(arm);
    } else {
      systemClock.schedule(arm.delayUs / 1000, () => this.#strike(arm));
    }
    return running;
  }
}

/** The first half of the runs, as an insert that dies between two parts leaves it. */
const halfOf = (runs: readonly RowRun[]): readonly RowRun[] => runs.slice(0, Math.ceil(runs.length / 2));

export const armedTable = (table: EventTable, trigger: Trigger, isNative: boolean): EventTable => ({
  insert: (runs, token) =>
    trigger.around('insert', {
      run: () => table.insert(runs, token),
      half: () => table.insert(halfOf(runs), token),
      isNative,
    }),
  storedRows: (block) => trigger.around('count', { run: () => table.storedRows(block), isNative }),
  repair: (block) => trigger.around('repair', { run: () => table.repair(block), isNative }),
  marks: (partition) => trigger.around('marks', { run: () => table.marks(partition), isNative }),
  ledgerEnd: (topic, partition) => trigger.around('marks', { run: () => table.ledgerEnd(topic, partition), isNative }),
  keepsSince: () => table.keepsSince(),
  keepAccount: (block) => trigger.around('ledger', { run: () => table.keepAccount(block), isNative }),
});

const armedHandler = (handler: RecordHandler, trigger: Trigger): RecordHandler => {
  let commits = 0;
  return {
    assigned: (partition, committed, state) => handler.assigned(partition, committed, state),
    revoked: (partition) => handler.revoked(partition),
    handle: (batch) =>
      handler.handle({
        ...batch,
        commit: (offset, metadata) => {
          commits += 1;
          const run = (): Promise<void> => batch.commit(offset, metadata);
          return trigger.around(commits === 1 ? 'intent' : 'ack', { run, isNative: false });
        },
      }),
  };
};

const armedWriter = (writer: FrameWriter, trigger: Trigger): FrameWriter => ({
  partitions: writer.partitions,
  append: (frames) => trigger.around('bury', { run: () => writer.append(frames), isNative: false }),
  close: () => writer.close(),
});

/** The log as ingest uses it: it reads one topic and writes dead letters alone. */
export const armedLog = (log: EventLog, trigger: Trigger): EventLog => ({
  writer: async (topic, options) => armedWriter(await log.writer(topic, options), trigger),
  reader: async (...asked): Promise<LogReader> => {
    const reader = await log.reader(...asked);
    return {
      start: (handler) => reader.start(armedHandler(handler, trigger)),
      lag: () => reader.lag(),
      stop: () => reader.stop(),
    };
  },
  endPositions: (topic) => log.endPositions(topic),
  committedOf: (topic, group) => log.committedOf(topic, group),
  close: () => log.close(),
});
