import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { usablePorts } from '../services/ports.ts';
import type { FrontOrder } from './front-child.ts';
import { forkChild } from './lives.ts';

/** A ClickHouse server of a test alone, as far as ingest can tell: it dies and comes back on the same port. */
export class Front {
  readonly #folder: string;
  readonly #port: number;
  #child: ChildProcess | null = null;
  url = '';

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  /** On a folder that holds the tables. */
  static async open(folder: string): Promise<Front> {
    const [port] = await usablePorts(undefined);
    const front = new Front(folder, port);
    await front.start();
    return front;
  }

  /** Starts it, again. */
  async start(): Promise<void> {
    const child = forkChild('front-child', { folder: this.#folder, port: this.#port });
    this.#child = child;
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const answer = await Promise.race([once(child, 'message'), once(child, 'exit')]);
    const [told] = answer as [{ url?: string } | number | null];
    if (typeof told !== 'object' || !told?.url) throw new Error(`the database does not start: ${errors}`);
    this.url = told.url;
  }

  tell(order: FrontOrder): void {
    if (this.#child?.connected) this.#child.send(order);
  }

  /** Resolves when its process is gone. */
  async gone(): Promise<void> {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }

  async stop(): Promise<void> {
    this.tell({ stop: true });
    await this.gone();
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }
}
