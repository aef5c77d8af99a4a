import { randomBytes } from 'node:crypto';
import { mostSteps } from '../blocklist/steps.ts';
import { messageOf, TidegateError } from '../errors.ts';
import type { RedisConnection } from './client.ts';
import { keyPrefix } from './keys.ts';
import { loadScript, runScript, type Script } from './scripts.ts';

export interface BlockScriptsOptions {
  readonly redis: RedisConnection;
  readonly namespace: string;
  readonly nowMs: (() => number) | undefined;
  readonly maxChanges: number;
  readonly maxLoggedEntries: number;
  readonly maxBlocks: number;
}

/** How long a block can be looked up after it would have ended. */
const retentionMs = 30 * 86_400_000;
/** Log time may run slower than wall time: a key must not be gone before log time has passed its end. */
const replayKeyTtlMs = 3_600_000;

/**
 * Of the stored form, apart from that of the limits: a release that stores the list in another way counts on, and two can run
 * on one Redis, each with a list of its own.
 */
const storedForm = 2;

const base = ['block-index', 'block-blocks'] as const;
const bare = (name: string): Script => loadScript('block-list', ...base, name);
const withEntries = (name: string): Script => loadScript('block-list', ...base, 'block-entries', name);
const withCounts = (name: string): Script => loadScript('block-list', ...base, 'block-entries', 'block-counts', name);
const withLabels = (name: string): Script =>
  loadScript('block-list', ...base, 'block-entries', 'block-counts', 'block-judge', name);

const loadBlockScripts = () => ({
  add: withCounts('block-add'),
  allow: withEntries('block-allow'),
  changes: bare('block-changes'),
  comment: bare('block-comment'),
  import: withEntries('block-import'),
  notes: withCounts('block-notes'),
  page: loadScript('block-list', ...base, 'block-judge', 'block-catch-up', 'block-page'),
  promote: withLabels('block-promote'),
  relay: bare('block-relay'),
  rules: bare('block-rules'),
  snapshot: withEntries('block-snapshot'),
  standing: withCounts('block-standing'),
  switches: withCounts('block-switches'),
  transition: withLabels('block-transition'),
  walk: withEntries('block-walk'),
});

type ScriptName = keyof ReturnType<typeof loadBlockScripts>;

/** A reply that is not what the header of its script promises. */
export const brokenReply = (what: string): TidegateError =>
  new TidegateError('STORE_FAILED', `Redis answered with something else than ${what}`);

/** The keys and scripts of one block list in Redis. Each write is one script; all keys are in one slot. */
export class BlockScripts {
  readonly #options: BlockScriptsOptions;
  readonly #prefix: string;
  readonly #scripts = loadBlockScripts();

  constructor(options: BlockScriptsOptions) {
    this.#options = options;
    this.#prefix = `${keyPrefix(options.namespace)}{bl}:${storedForm}:`;
  }

  get redis(): RedisConnection {
    return this.#options.redis;
  }

  key(...parts: string[]): string {
    return this.#prefix + parts.join(':');
  }

  async run(name: ScriptName, asked: object): Promise<readonly unknown[]> {
    const keys = [this.#prefix, this.key('list')];
    const args = [this.#setting(), JSON.stringify(asked)];
    const reply = await this.guard(runScript(this.redis, this.#scripts[name], { keys, args }));
    if (!Array.isArray(reply)) throw brokenReply(`the reply of ${name}`);
    return reply;
  }

  /** In a cluster, TIME alone would be asked of any node: a script reads the clock of the one that holds the list. */
  async now(): Promise<number> {
    const { nowMs } = this.#options;
    return nowMs ? nowMs() : Number((await this.run('changes', { epoch: '' }))[3]);
  }

  /** Whatever fails is told as STORE_FAILED. */
  async guard<T>(command: Promise<T>): Promise<T> {
    try {
      return await command;
    } catch (cause) {
      throw this.failure(cause);
    }
  }

  failure(cause: unknown): TidegateError {
    if (cause instanceof TidegateError) return cause;
    return new TidegateError('STORE_FAILED', `Redis: ${messageOf(cause)}`, { cause, retryable: true });
  }

  #setting(): string {
    const { nowMs, maxChanges, maxLoggedEntries, maxBlocks } = this.#options;
    return JSON.stringify({
      now: nowMs?.() ?? 0,
      token: randomBytes(8).toString('hex'),
      leastTtl: nowMs ? replayKeyTtlMs : 0,
      retention: retentionMs,
      maxChanges,
      maxPacked: maxLoggedEntries,
      maxBlocks,
      maxSteps: mostSteps - 1,
    });
  }
}
