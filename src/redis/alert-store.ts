import { type AlertStore, type LoadedAlerts, noAlerts, type StoredAlerts } from '../alert/alert-store.ts';
import { mostKeptBytes, readKeptAlerts } from '../alert/kept-alerts.ts';
import { messageOf, TidegateError } from '../errors.ts';
import type { RedisConnection } from './client.ts';
import { keyPrefix } from './keys.ts';
import { loadScript, runScript } from './scripts.ts';

export interface RedisAlertStoreOptions {
  readonly redis: RedisConnection;
  /** Default `default`. */
  readonly namespace?: string;
  /** Replaces the clock of the server. For tests. */
  readonly nowMs?: () => number;
}

/** Of the stored form: another one lies under other keys. */
const storedForm = 1;

/** The state of alerts in Redis, in the slot of the block list. */
export class RedisAlertStore implements AlertStore {
  readonly #redis: RedisConnection;
  readonly #nowMs: () => number;
  readonly #prefix: string;
  readonly #script = loadScript('alerts');

  constructor({ redis, namespace = 'default', nowMs = () => 0 }: RedisAlertStoreOptions) {
    this.#redis = redis;
    this.#nowMs = nowMs;
    this.#prefix = `${keyPrefix(namespace)}{bl}:alerts${storedForm}:`;
  }

  async lead(holder: string, ttlMs: number): Promise<boolean> {
    return (await this.#run('lead', holder, ttlMs))[0] === 1;
  }

  async release(holder: string): Promise<void> {
    await this.#run('release', holder);
  }

  async load(): Promise<LoadedAlerts> {
    const [revision, text] = await this.#run('load', mostKeptBytes);
    if (revision === undefined) return { alerts: noAlerts, unfit: null };
    const kept = Number(revision);
    const found = readKeptAlerts(text === undefined ? null : String(text), kept);
    return found instanceof TidegateError
      ? { alerts: { ...noAlerts, revision: kept }, unfit: found }
      : { alerts: found, unfit: null };
  }

  async save(next: StoredAlerts, after: number): Promise<boolean> {
    return (await this.#run('save', after, next.revision, JSON.stringify(next)))[0] === 1;
  }

  async #run(kind: string, ...asked: readonly (string | number)[]): Promise<readonly unknown[]> {
    try {
      const call = { keys: [this.#prefix], args: [this.#nowMs(), kind, ...asked] };
      const reply = await runScript(this.#redis, this.#script, call);
      return Array.isArray(reply) ? reply : [];
    } catch (cause) {
      throw new TidegateError('STORE_FAILED', `Redis: ${messageOf(cause)}`, { cause, retryable: true });
    }
  }
}
