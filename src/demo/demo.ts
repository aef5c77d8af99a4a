import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { DecisionReader } from '../analytics/decision-reader.ts';
import type { Block } from '../blocklist/block.ts';
import type { BlockList } from '../blocklist/block-list.ts';
import { BlockListReplica } from '../blocklist/replica.ts';
import { clientKeyOf, subjectKeyOf } from '../client.ts';
import type { Clock } from '../clock.ts';
import { createDetector, type Detector } from '../detect/detector.ts';
import type { RuleSet } from '../detect/rule.ts';
import { createEmitter, type Emitter } from '../event/emitter.ts';
import { type EventLog, topics } from '../event/event-log.ts';
import { createGate, type Gate } from '../gate/gate.ts';
import type { DecisionObserver } from '../gate/ports.ts';
import { AddressBook } from '../http/address-book.ts';
import { clientsOf } from '../http/identity.ts';
import type { EventTable } from '../ingest/event-table.ts';
import { createIngester, type Ingester } from '../ingest/ingester.ts';
import type { LimitStore } from '../limiter/limit-store.ts';
import type { Logger } from '../logger.ts';
import type { PolicySource } from '../policy/policy.ts';
import { type Persona, personas } from './personas.ts';
import { createSampleApi } from './sample-api.ts';
import { startVisitors, type Visit, type Visitors } from './visitors.ts';

export interface DemoEngines {
  readonly limitStore: LimitStore;
  readonly blockList: BlockList;
  readonly log: EventLog;
  readonly table: EventTable;
  readonly reader: DecisionReader;
}

export interface DemoOptions {
  readonly engines: DemoEngines;
  readonly policies: PolicySource;
  readonly rules: RuleSet;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly emitterId: string;
  /** Is told of each decision. Default: nobody is. */
  readonly observer?: DecisionObserver;
}

/** A visitor, and the block it ran into. */
export interface PersonaState extends Visit {
  readonly block: Block | null;
}

export interface DemoTotals {
  readonly decisions: number;
  readonly allowed: number;
  readonly denied: number;
  readonly blocked: number;
  /** What the block list kept away from the counter store: commands, and bytes of those and of their answers. */
  readonly savedCommands: number;
  readonly savedBytes: number;
  readonly storedDecisions: number;
}

/** Everything at work. */
export interface Demo {
  readonly gate: Gate;
  readonly emitter: Emitter;
  readonly ingester: Ingester;
  readonly detector: Detector;
  readonly replica: BlockListReplica;
  readonly sampleApiPort: number;
  /** Newest block first. */
  blocks(): Promise<readonly Block[]>;
  personas(): Promise<readonly PersonaState[]>;
  /** Sends the visitors home, waits until all that was decided is stored, and counts. Call it once, before {@link close}. */
  drain(): Promise<DemoTotals>;
  /** Ends what is left. The engines belong to the caller. */
  close(): Promise<void>;
}

/** How soon a block is felt: the demo has half a minute. */
const blockPollMs = 100;

const keysOf = (visitors: readonly Persona[]): Map<string, { tenant: string }> =>
  new Map(visitors.flatMap(({ credential }) => (credential ? [[credential.apiKey, credential] as const] : [])));

const clientKeysOf = ({ address, credential }: Persona): string[] =>
  clientsOf(credential ? { key: credential.apiKey } : {}, new AddressBook().find(address)).map(clientKeyOf);

const listen = async (api: FastifyInstance): Promise<number> => {
  await api.listen({ host: '127.0.0.1', port: 0 });
  return (api.server.address() as AddressInfo).port;
};

class RunningDemo implements Demo {
  readonly gate: Gate;
  readonly emitter: Emitter;
  readonly ingester: Ingester;
  readonly detector: Detector;
  readonly replica: BlockListReplica;
  readonly #options: DemoOptions;
  #sampleApi: FastifyInstance | null = null;
  #visitors: Visitors | null = null;
  #sampleApiPort = 0;

  constructor(options: DemoOptions, emitter: Emitter) {
    const { engines, policies, rules, clock, random, logger } = options;
    const shared = { log: engines.log, clock, logger };
    this.#options = options;
    this.emitter = emitter;
    this.replica = new BlockListReplica({ feed: engines.blockList, clock, logger, random });
    this.ingester = createIngester({ ...shared, table: engines.table });
    this.detector = createDetector({ ...shared, rules, blockList: engines.blockList });
    this.gate = createGate({
      policies,
      store: engines.limitStore,
      blockList: this.replica,
      events: emitter,
      clock,
      random,
      ...(options.observer ? { observer: options.observer } : {}),
    });
  }

  get sampleApiPort(): number {
    return this.#sampleApiPort;
  }

  async start(): Promise<void> {
    const { clock, random } = this.#options;
    await Promise.all([this.ingester.start(), this.detector.start(), this.replica.sync()]);
    this.replica.follow({ pollMs: blockPollMs });
    this.#sampleApi = await createSampleApi({ gate: this.gate, keys: keysOf(personas), random });
    this.#sampleApiPort = await listen(this.#sampleApi);
    this.#visitors = startVisitors({ personas, port: this.#sampleApiPort, clock, random });
  }

  async blocks(): Promise<readonly Block[]> {
    return (await this.#options.engines.blockList.list({ limit: 100 })).blocks;
  }

  async personas(): Promise<readonly PersonaState[]> {
    const enforced = (await this.blocks()).filter(({ state }) => state === 'active' || state === 'confirmed');
    const bySubject = new Map(enforced.map((block) => [subjectKeyOf(block.subject), block]));
    return (this.#visitors?.visits() ?? []).map((visit) => {
      const keys = clientKeysOf(visit.persona);
      return { ...visit, block: keys.map((key) => bySubject.get(key)).find((block) => block !== undefined) ?? null };
    });
  }

  async drain(): Promise<DemoTotals> {
    const { engines } = this.#options;
    await this.#visitors?.stop();
    await this.#sampleApi?.close();
    await this.emitter.close();
    const end = await engines.log.endPositions(topics.decisions);
    await Promise.all([this.ingester.whenReached(end), this.detector.whenReached(end)]);
    const { decisions, allowed, denied, blocked, storeCommandsSaved, storeBytesSaved } = this.gate.stats();
    return {
      ...{ decisions, allowed, denied, blocked },
      savedCommands: storeCommandsSaved,
      savedBytes: storeBytesSaved,
      storedDecisions: (await engines.reader.totals()).decisions,
    };
  }

  async close(): Promise<void> {
    await this.replica.stop();
    await this.#visitors?.stop();
    await this.#sampleApi?.close();
    await Promise.all([this.detector.stop(), this.ingester.stop()]);
    await this.gate.close();
  }
}

/** Starts the sample API, its visitors, and everything that watches them. */
export const startDemo = async (options: DemoOptions): Promise<Demo> => {
  const { engines, clock, logger, emitterId } = options;
  const writer = await engines.log.writer(topics.decisions);
  const demo = new RunningDemo(options, createEmitter({ writer, clock, logger, emitterId, region: 'local' }));
  try {
    await demo.start();
    return demo;
  } catch (error) {
    await demo.close();
    throw error;
  }
};
