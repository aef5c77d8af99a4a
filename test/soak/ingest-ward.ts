import { join } from 'node:path';
import { type Ending, IngestLife } from './lives.ts';
import { jobOf } from './matrix.ts';
import { type Arm, pointOf } from './points.ts';
import type { Stage } from './stage.ts';

export interface WardOptions {
  readonly stage: Stage;
  readonly sessionTimeoutMs: number;
  readonly maxBlockRows: number;
}

export interface WardTally {
  readonly kills: Readonly<Record<string, number>>;
  readonly restarts: number;
  readonly blocks: number;
  readonly settledBlocks: number;
  readonly repairedRows: number;
  readonly doubledRows: number;
  readonly rows: number;
}

const stopWithinMs = 120_000;
/** A process that cannot start is a bug once it happens again and again. */
const maxFailedStarts = 30;

/** Keeps one ingest process alive: whenever it ends, another takes its place. */
export class IngestWard {
  readonly problems: string[] = [];
  readonly #options: WardOptions;
  readonly #kills: Record<string, number> = {};
  readonly #sums = { blocks: 0, settledBlocks: 0, repairedRows: 0, doubledRows: 0, rows: 0 };
  #life: IngestLife | null = null;
  #lives = 0;
  #failedStarts = 0;
  #isOpen = false;
  #isKilledFromOutside = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: WardOptions) {
    this.#options = options;
  }

  get killed(): number {
    return Object.values(this.#kills).reduce((sum, count) => sum + count, 0);
  }

  open(): void {
    this.#isOpen = true;
    this.#running = this.#keepAlive();
  }

  arm(arm: Arm): void {
    this.#life?.tell({ arm });
  }

  kill(): void {
    if (this.#life?.hasEnded !== false) return;
    this.#isKilledFromOutside = true;
    this.#life.signal('SIGKILL');
  }

  /** Ends the process in good order and says what all of them have done. */
  async close(): Promise<WardTally> {
    this.#isOpen = false;
    this.#life?.tell({ stop: true });
    await this.#life?.end(stopWithinMs);
    await this.#running;
    return { kills: this.#kills, restarts: this.#lives - 1, ...this.#sums };
  }

  async abandon(): Promise<void> {
    this.#isOpen = false;
    this.#life?.signal('SIGKILL');
    await this.#running;
  }

  async #keepAlive(): Promise<void> {
    const { stage, sessionTimeoutMs, maxBlockRows } = this.#options;
    while (this.#isOpen) {
      this.#lives += 1;
      this.#isKilledFromOutside = false;
      const deathPath = join(stage.folder, 'death.json');
      this.#life = new IngestLife(jobOf(stage, { until: 'told', sessionTimeoutMs, maxBlockRows, deathPath }));
      this.#note(await this.#life.ended);
    }
  }

  #note({ signal, exitCode, death, stats, errors }: Ending): void {
    if (stats) {
      this.#sums.blocks += stats.blocks;
      this.#sums.settledBlocks += stats.settledBlocks;
      this.#sums.repairedRows += stats.repairedRows;
      this.#sums.doubledRows += stats.doubledRows;
      this.#sums.rows += stats.rows;
    }
    const point = death ? pointOf(death) : this.#isKilledFromOutside ? 'any moment' : null;
    if (signal === 'SIGKILL' && point) this.#kills[point] = (this.#kills[point] ?? 0) + 1;
    else if (exitCode !== 0 && this.#isOpen)
      this.#failed(`ingest ended with ${signal ?? exitCode}: ${errors.slice(-300)}`);
  }

  #failed(problem: string): void {
    this.#failedStarts += 1;
    if (this.#failedStarts > maxFailedStarts) {
      this.problems.push(problem);
      this.#isOpen = false;
    }
  }
}
