import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Setting } from '../contest.ts';
import { type GateOrder, gateCount, type LoopRole, type LoopWord } from './loop-orders.ts';

/** Longer than this is a failure, not a sample. */
const patienceMs = 20_000;

/** Eight gates, a detector and traffic, each a process of its own. */
export interface LoopStage {
  readonly namespace: string;
  /** When the deciding denial of this client was given, by one of the gates. */
  push(client: string): Promise<number>;
  /** When the last gate held, or let go of, this client. */
  lastSeen(client: string, held: boolean): Promise<number>;
  /** When the last gate had heard of this client by the bare way. */
  lastHeard(client: string): Promise<number>;
  close(): void;
}

class Stage implements LoopStage {
  readonly namespace = `loop-${randomBytes(6).toString('hex')}`;
  readonly #children: ChildProcess[] = [];
  readonly #gates: ChildProcess[] = [];
  readonly #waiting = new Map<string, (at: number) => void>();
  #pushes = 0;

  async open({ redisUrl, kafkaUrl }: Setting): Promise<this> {
    const start = (role: LoopRole['role']) => this.#start({ role, redisUrl, kafkaUrl, namespace: this.namespace });
    await start('detect');
    for (let gate = 0; gate < gateCount; gate += 1) this.#gates.push(await start('gate'));
    await start('flow');
    return this;
  }

  async push(client: string): Promise<number> {
    const gate = this.#gates[this.#pushes % gateCount];
    this.#pushes += 1;
    const pushed = this.#words('pushed', client, 1);
    gate?.send({ kind: 'push', client } satisfies GateOrder);
    return pushed;
  }

  lastSeen(client: string, held: boolean): Promise<number> {
    const seen = this.#words('seen', client, gateCount);
    for (const gate of this.#gates) gate.send({ kind: 'watch', client, held } satisfies GateOrder);
    return seen;
  }

  lastHeard(client: string): Promise<number> {
    return this.#words('heard', client, gateCount);
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }

  #start(role: LoopRole): Promise<ChildProcess> {
    const script = fileURLToPath(new URL('./loop-child.js', import.meta.url));
    const child = fork(script, [JSON.stringify(role)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#children.push(child);
    return new Promise((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`a ${role.role} of the loop ended with code ${code}`)));
      child.on('message', (word: LoopWord) => {
        if (word.kind === 'ready') resolve(child);
        else this.#waiting.get(`${word.kind} ${word.client}`)?.(word.at);
      });
    });
  }

  /** The instant of the last of so many words about a client. */
  #words(kind: LoopWord['kind'], client: string, count: number): Promise<number> {
    const key = `${kind} ${client}`;
    return new Promise((resolve, reject) => {
      let left = count;
      let last = 0;
      const timer = setTimeout(() => reject(new Error(`${client}: not ${kind} by ${left} processes`)), patienceMs);
      this.#waiting.set(key, (at) => {
        left -= 1;
        last = Math.max(last, at);
        if (left > 0) return;
        clearTimeout(timer);
        this.#waiting.delete(key);
        resolve(last);
      });
    });
  }
}

export const openLoopStage = (setting: Setting): Promise<LoopStage> => new Stage().open(setting);
