import type { Sample } from '../contest.ts';

/** Where CPU time goes on the way from a request to a row. */
export const stages = ['decide', 'merge', 'encode', 'send', 'ingest', 'clickhouse'] as const;
export type Stage = (typeof stages)[number];

/** Seconds per million decisions: less cannot be told from nothing, and nothing has no ratio. */
const least = 0.01;

/** CPU time of this process, all of its threads, by stage. */
export class CpuMeter {
  readonly #us = new Map<Stage, number>();

  async during<T>(stage: Stage, work: () => T | Promise<T>): Promise<T> {
    const before = process.cpuUsage();
    const result = await work();
    const { user, system } = process.cpuUsage(before);
    this.#us.set(stage, (this.#us.get(stage) ?? 0) + user + system);
    return result;
  }

  /** Seconds per million decisions. What `merge` was measured with, deciding, is taken off it. */
  sample(decisions: number): Sample {
    const usOf = (stage: Stage): number => this.#us.get(stage) ?? 0;
    const own = { merge: usOf('merge') - usOf('decide') };
    const seconds = Object.fromEntries(
      stages.map((stage) => [stage, Math.max(least, (stage === 'merge' ? own.merge : usOf(stage)) / decisions)]),
    );
    return { ...seconds, '': Object.values(seconds).reduce((sum, each) => sum + each, 0) };
  }
}
