import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { systemClock } from '../../src/clock.ts';
import type { IngestStats } from '../../src/ingest/ingester.ts';
import { compiledScript } from '../services/compiled.ts';
import { watchOver } from '../services/daemon.ts';
import { processId } from '../services/process-id.ts';
import type { IngestJob, IngestOrder, IngestReport } from './ingest-child.ts';
import type { Arm } from './points.ts';

/** A script of this folder in a process of its own that does not outlive this one, not even when it is stopped. */
export const forkChild = (script: string, argument: object): ChildProcess => {
  const child = fork(compiledScript(`test/soak/${script}.ts`), [JSON.stringify(argument)], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const id = child.pid === undefined ? null : processId(child.pid);
  if (id) {
    const watcher = watchOver(id);
    child.once('exit', () => watcher.kill('SIGKILL'));
  }
  return child;
};

/** How an ingest process ended. */
export interface Ending {
  readonly signal: NodeJS.Signals | null;
  readonly exitCode: number | null;
  /** What it said last of what it had done; null when it did not come that far. */
  readonly stats: IngestStats | null;
  /** What it killed itself by. */
  readonly death: Arm | null;
  readonly errors: string;
  /** It was ended because it took too long. */
  readonly isStuck: boolean;
}

/** An ingest process, to be armed, stopped and killed. */
export class IngestLife {
  readonly #child: ChildProcess;
  readonly #deathPath: string;
  readonly #started: Promise<void>;
  readonly ended: Promise<Ending>;
  #stats: IngestStats | null = null;
  #errors = '';
  #isStuck = false;

  constructor(job: IngestJob) {
    this.#deathPath = job.deathPath;
    rmSync(job.deathPath, { force: true });
    this.#child = forkChild('ingest-child', job);
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    this.#started = new Promise((resolve) => {
      this.#child.on('message', (report: IngestReport) => {
        if ('started' in report) resolve();
        else this.#stats = 'done' in report ? report.done : report.stats;
      });
    });
    this.ended = once(this.#child, 'close').then(([exitCode, signal]) => ({
      exitCode: exitCode as number | null,
      signal: signal as NodeJS.Signals | null,
      stats: this.#stats,
      death: this.struck,
      errors: this.#errors,
      isStuck: this.#isStuck,
    }));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stats(): IngestStats | null {
    return this.#stats;
  }

  /** What it has killed or stopped itself by; null: nothing yet. */
  get struck(): Arm | null {
    return existsSync(this.#deathPath) ? (JSON.parse(readFileSync(this.#deathPath, 'utf8')) as Arm) : null;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves when it takes part in its group, or has ended. */
  async started(): Promise<void> {
    await Promise.race([this.#started, this.ended]);
  }

  tell(order: IngestOrder): void {
    if (this.#child.connected) this.#child.send(order);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Its end; it is forced after `deadlineMs`. */
  async end(deadlineMs: number): Promise<Ending> {
    const deadline = systemClock.schedule(deadlineMs, () => {
      this.#isStuck = true;
      this.signal('SIGKILL');
    });
    const ending = await this.ended;
    deadline.cancel();
    return ending;
  }
}

/** Plays with ingest processes of which none is left when it ends, well or badly. */
export const withLives = async <T>(play: (live: (job: IngestJob) => IngestLife) => Promise<T>): Promise<T> => {
  const lives: IngestLife[] = [];
  try {
    return await play((job) => {
      const life = new IngestLife(job);
      lives.push(life);
      return life;
    });
  } finally {
    for (const life of lives) life.signal('SIGKILL');
    await Promise.all(lives.map(({ ended }) => ended));
  }
};
