import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { EmitterJob, EmitterOrder, EmitterReport } from './emitter-child.ts';
import { forkChild } from './lives.ts';

/** What is known of one gate process. */
export interface EmitterEnd {
  readonly emitterId: string;
  /** It was killed: what it had not sent is unknown to everybody. */
  readonly isKilled: boolean;
  /** What it said last. */
  readonly last: EmitterReport;
  /** How it ended, when that was not as told. */
  readonly failure: string;
}

const nothing: EmitterReport = { taken: 0, sent: 0, lost: 0, failures: 0, done: false };

/** A gate process that decides and emits until it is closed or killed. */
export class EmitterLife {
  readonly emitterId: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #last = nothing;
  #isKilled = false;
  #errors = '';

  constructor(job: EmitterJob) {
    this.emitterId = job.emitterId;
    this.#child = forkChild('emitter-child', job);
    this.#child.on('message', (report: EmitterReport) => {
      this.#last = report;
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    this.#ended = once(this.#child, 'close');
  }

  get last(): EmitterReport {
    return this.#last;
  }

  tell(order: EmitterOrder): void {
    if (this.#child.connected) this.#child.send(order);
  }

  async kill(): Promise<EmitterEnd> {
    this.#isKilled = true;
    this.#child.kill('SIGKILL');
    return this.end();
  }

  /** Its end, however that comes. */
  async end(): Promise<EmitterEnd> {
    await this.#ended;
    const failure = this.#isKilled || this.#last.done ? '' : `it ended by itself: ${this.#errors.slice(-300)}`;
    return { emitterId: this.emitterId, isKilled: this.#isKilled, last: this.#last, failure };
  }
}
