import type { AlertStore } from '../../src/alert/alert-store.ts';
import { AlertmanagerClient, type PostableAlert } from '../../src/alert/alertmanager.ts';
import type { AlertDefinition, DecisionReadings, Reading, SampleWindow } from '../../src/alert/definition.ts';
import { Evaluator } from '../../src/alert/evaluator.ts';
import type { Notice } from '../../src/alert/notice.ts';
import type { Outbox } from '../../src/alert/outbox.ts';
import type { Post, PostRequest, PostResult } from '../../src/alert/post.ts';
import type { Mute } from '../../src/alert/rule.ts';
import { Channels } from '../../src/alert/teller.ts';
import { ManualClock } from '../../src/clock.ts';
import { MemoryAlertStore } from '../../src/embedded/memory-alert-store.ts';
import { MemoryOutbox } from '../../src/embedded/memory-outbox.ts';
import type { Sample } from '../../src/metrics/sample.ts';
import { definitionOf } from './alerts.ts';
import { type RecordingLogger, recordingLogger } from './recording-logger.ts';

export const turnMs = 15_000;

/** A process that can be killed: from then on nothing that it does has any effect. */
class Mortal {
  isDead = false;
  /** How many more things it does, and whether the last of them still happens. */
  #left = Number.POSITIVE_INFINITY;
  #lastHappens = true;

  killAfter(things: number, lastHappens: boolean): void {
    this.#left = things;
    this.#lastHappens = lastHappens;
  }

  async run<T>(thing: () => Promise<T>): Promise<T> {
    if (this.isDead) throw new Error('killed');
    this.#left -= 1;
    if (this.#left > 0) return thing();
    this.isDead = true;
    if (this.#lastHappens) await thing();
    throw new Error('killed');
  }
}

export interface FleetOptions {
  readonly definitions?: readonly AlertDefinition[];
  readonly freshness?: readonly string[];
  readonly mutes?: readonly Mute[];
  readonly store?: (clock: ManualClock) => AlertStore;
  /** Default: every evaluation asks anew. */
  readonly heldForMs?: () => number;
  /** A real one beside the recording: posts happen at this address, too. */
  readonly alertmanager?: { readonly url: URL; readonly post: Post };
  readonly startMs?: number;
}

/** Several processes that evaluate over one store, what they ask, and whom they tell. */
export const alertFleet = (options: FleetOptions = {}) => {
  const { definitions = [definitionOf()], freshness = [], mutes = [] } = options;
  const clock = new ManualClock(options.startMs);
  const store = options.store?.(clock) ?? new MemoryAlertStore({ clock });
  const outbox = new MemoryOutbox({ clock });
  const logger: RecordingLogger = recordingLogger();
  const world = {
    readings: [] as readonly Reading[],
    /** Replaces the answer of the database. */
    read: null as DecisionReadings['read'] | null,
    storeIsAway: false,
    samples: [] as Sample[],
    answer: { kind: 'answered', status: 200, retryAfterMs: null } as PostResult,
  };
  const notices: Notice[] = [];
  const posted: { readonly atMs: number; readonly alerts: readonly PostableAlert[] }[] = [];
  const decisions: DecisionReadings = {
    read: async (question, atMs) => (world.read ? world.read(question, atMs) : world.readings),
  };
  const window: SampleWindow = {
    samples: (figure, sinceMs) => world.samples.filter((one) => one.figure === figure && one.atMs >= sinceMs),
    newestAtMs: () => (world.samples.length === 0 ? null : Math.max(...world.samples.map(({ atMs }) => atMs))),
  };

  const process = (holder: string) => {
    const mortal = new Mortal();
    const reached = <T>(thing: () => Promise<T>): Promise<T> =>
      mortal.run(() => (world.storeIsAway ? Promise.reject(new Error('Redis is away')) : thing()));
    const port: AlertStore = {
      lead: (who, ttlMs) => reached(() => store.lead(who, ttlMs)),
      release: (who) => reached(() => store.release(who)),
      load: () => reached(() => store.load()),
      save: (next, after) => reached(() => store.save(next, after)),
    };
    const put: Outbox['put'] = (given) =>
      reached(async () => {
        const before = new Set((await outbox.inbox(1000)).map(({ id }) => id));
        const count = await outbox.put(given);
        notices.push(...(await outbox.inbox(1000)).filter(({ id }) => !before.has(id)));
        return count;
      });
    const post = (request: PostRequest): Promise<PostResult> =>
      mortal
        .run(async () => {
          posted.push({ atMs: clock.nowMs(), alerts: JSON.parse(request.body) as PostableAlert[] });
          return options.alertmanager?.post(request) ?? world.answer;
        })
        .catch((error: Error): PostResult => ({ kind: 'failed', why: error.message }));
    const url = options.alertmanager?.url ?? new URL('http://alertmanager:9093');
    const target = { url, authorization: null };
    const client = new AlertmanagerClient({ target, post, clock, logger, generatorUrl: null, externalLabels: {} });
    const links = { grafanaUrl: 'https://grafana.example.com', docsUrl: 'https://docs.example.com' };
    const rules = definitions.map((one) => ({ ...one, extraLabels: {} }));
    const teller = new Channels({ rules, mutes, links, outbox: { put }, alertmanagers: [client], logger });
    const evaluator = new Evaluator({
      ...{ definitions, freshness: new Set(freshness), store: port, teller, clock, logger, holder, decisions, window },
      heldForMs: options.heldForMs ?? (() => 0),
    });
    /** As the timer does. */
    const turn = async (): Promise<void> => {
      if (!mortal.isDead) await evaluator.turn();
    };
    return { evaluator, teller, mortal, turn };
  };
  const idsOf = (kind: Notice['kind']): string[] => notices.filter((one) => one.kind === kind).map(({ id }) => id);
  return { clock, store, outbox, logger, world, notices, posted, process, idsOf };
};
