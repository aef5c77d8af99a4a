import type { Redis } from 'ioredis';
import { type Clock, systemRandom, type Timer } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import type { CountersLost, CountersLostKind, FleetMember, Membership } from '../limiter/fleet.ts';
import { aliveMs, type GateBeat } from '../limiter/gate-report.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { isCluster, type RedisConnection } from './client.ts';
import { CounterWatch, type ServerSign } from './counter-watch.ts';
import { encodeReport, fleetKey, gateIdPattern, readGates } from './gate-reports.ts';
import { type NodeSign, NodeWatch } from './node-watch.ts';
import { loadScript, runScript } from './scripts.ts';

export interface HeartbeatOptions extends FleetMember {
  /** The connection that counters go through: what is watched is the server behind it. Its owner closes it. */
  readonly redis: RedisConnection;
  /** Keeps installations apart that share a Redis. Default `default`. */
  readonly namespace?: string;
  readonly clock: Clock;
  /** 0 ≤ random() < 1: keeps the beats of many gates apart. */
  readonly random?: () => number;
  readonly logger?: Logger;
}

const beatMs = 1000;
const keptMs = 60_000;
/** Longer than most outages: a count that has expired can no longer tell of a loss. */
const countKeptMs = 3_600_000;
const maxVersions = 32;
/** Of a version's text; tidegate's own have 12 characters. */
const maxVersionLength = 64;

const lossInWords: Readonly<Record<CountersLostKind, string>> = {
  'rolled-back': 'counters lost: the store is back at an earlier state',
  flushed: 'counters lost: the store was emptied',
  failover: 'counters may be lost: another server answers, or the same one after a restart',
};

interface Beat extends ServerSign {
  readonly liveGates: number;
  readonly policyVersions: ReadonlyMap<string, number>;
}

/** Throws STORE_FAILED when the reply is not of the script's contract. */
const readBeat = (reply: unknown): Beat => {
  if (!Array.isArray(reply) || reply.length < 5 || reply.length % 2 === 0) {
    throw new TidegateError(
      'STORE_FAILED',
      'Redis answered the heartbeat script with something else than its contract',
    );
  }
  const [liveGates, beats, runId, replicationId, previousReplicationId, ...versions] = reply as unknown[];
  const policyVersions = new Map<string, number>();
  for (let at = 0; at < versions.length; at += 2) policyVersions.set(String(versions[at]), Number(versions[at + 1]));
  return {
    liveGates: Number(liveGates),
    beats: Number(beats),
    runId: String(runId),
    replicationId: String(replicationId),
    previousReplicationId: String(previousReplicationId),
    policyVersions,
  };
};

const idIn = (info: string, field: string): string => new RegExp(`${field}:([0-9a-f]+)`).exec(info)?.[1] ?? '';

/** Null: it does not answer, or may not be asked. */
const signOf = async (node: Redis): Promise<NodeSign | null> => {
  try {
    const [server, replication] = await Promise.all([node.info('server'), node.info('replication')]);
    return {
      address: `${node.options.host}:${node.options.port}`,
      runId: idIn(server, 'run_id'),
      replicationId: idIn(replication, 'master_replid'),
      previousReplicationId: idIn(replication, 'master_replid2'),
    };
  } catch {
    // That it is away is told by the decisions; when it is back, or another one in its place, it will answer.
    return null;
  }
};

const keysOf = (namespace: string, gateId: string): string[] =>
  ['alive', 'versions', 'version-counts', `beats:${gateId}`, `report:${gateId}`].map((name) =>
    fleetKey(namespace, name),
  );

const beatArgs = (gateId: string, version: string, report = ''): (string | number)[] => [
  0,
  gateId,
  version,
  aliveMs,
  keptMs,
  countKeptMs,
  maxVersions,
  report,
];

/** How many gates share the counters of a namespace, asked by somebody who is none. */
export const liveGatesIn = async (redis: RedisConnection, namespace: string): Promise<number> => {
  const visitor = '~';
  const reply = await runScript(redis, loadScript('heartbeat'), {
    keys: keysOf(namespace, visitor),
    args: beatArgs(visitor, ''),
  });
  return readBeat(reply).liveGates;
};

/**
 * Tells Redis once a second that this gate lives, learns how many do and which policies they run, and notices when the
 * server has lost counters. Never on a request's path; a beat that fails is left out.
 */
export class Heartbeat implements Membership {
  readonly #options: HeartbeatOptions;
  readonly #logger: Logger;
  readonly #keys: readonly string[];
  readonly #script = loadScript('heartbeat');
  readonly #watch: CounterWatch;
  readonly #nodes = new NodeWatch();
  #last: Beat | null = null;
  #lastAtUs = 0;
  #timer: Timer | undefined;
  #beating: Promise<void> = Promise.resolve();
  #isStopped = false;
  /** So that an outage is named once, not with every beat. */
  #isAway = false;

  /** @throws TidegateError CONFIG_INVALID when `gateId` is none. */
  constructor(options: HeartbeatOptions) {
    const { namespace = 'default', gateId, clock, logger = silentLogger } = options;
    if (!gateIdPattern.test(gateId)) {
      throw new TidegateError('CONFIG_INVALID', 'gateId must be 1 to 64 characters of A-Z a-z 0-9 . _ -');
    }
    this.#options = options;
    this.#logger = logger;
    this.#keys = keysOf(namespace, gateId);
    this.#watch = new CounterWatch({ clock, keptMs: countKeptMs });
  }

  liveGates(): number {
    return Math.max(1, this.#last?.liveGates ?? 1);
  }

  policyVersions(): ReadonlyMap<string, number> {
    return this.#last?.policyVersions ?? new Map();
  }

  gates(): Promise<readonly GateBeat[]> {
    const { redis, namespace = 'default' } = this.#options;
    return readGates(redis, namespace);
  }

  ageMs(): number | null {
    return this.#last === null ? null : Math.floor((this.#options.clock.monotonicUs() - this.#lastAtUs) / 1000);
  }

  /** Beats now and from then on. Resolves after the first beat, whether the server answered or not. */
  start(): Promise<void> {
    return this.#beat();
  }

  /** Stops beating and takes this gate off the list; a server that is away finds out by itself within seconds. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#beating;
    try {
      await this.#send('');
    } catch (error) {
      this.#logger.debug({ err: messageOf(error) }, 'the store was not told that this gate leaves');
    }
  }

  #beat(): Promise<void> {
    this.#beating = this.#tell().finally(() => {
      if (this.#isStopped) return;
      const { clock, random = systemRandom } = this.#options;
      this.#timer = clock.schedule(beatMs * (0.9 + 0.2 * random()), () => void this.#beat());
    });
    return this.#beating;
  }

  async #tell(): Promise<void> {
    try {
      const beat = await this.#send(this.#options.policyVersion().slice(0, maxVersionLength) || 'none');
      this.#heard(beat);
      this.#isAway = false;
      await this.#look(beat);
    } catch (error) {
      const level = this.#isAway ? 'debug' : 'warn';
      this.#isAway = true;
      const liveGates = this.liveGates();
      this.#logger[level]({ err: messageOf(error), liveGates }, 'no heartbeat: the last known number of gates stays');
    }
  }

  #heard(beat: Beat): void {
    this.#last = beat;
    this.#lastAtUs = this.#options.clock.monotonicUs();
    const lost = this.#watch.seen(beat);
    // Of the nodes of a cluster this one is but one: who replaces whom is seen by looking at all of them.
    if (lost !== null && !(lost.kind === 'failover' && isCluster(this.#options.redis))) this.#report(lost);
  }

  /** In a cluster the beat is counted by one node; the others are only asked who they are. */
  async #look({ beats }: Beat): Promise<void> {
    const { redis } = this.#options;
    if (!isCluster(redis)) return;
    const signs = await Promise.all(redis.nodes('master').map(signOf));
    const changed = this.#nodes.seen(signs.filter((sign) => sign !== null));
    for (let node = 0; node < changed; node += 1) {
      this.#report({ kind: 'failover', expectedBeats: beats, foundBeats: beats });
    }
  }

  #report(lost: CountersLost): void {
    this.#logger.warn(lost, lossInWords[lost.kind]);
    this.#options.onCountersLost?.(lost);
  }

  async #send(version: string): Promise<Beat> {
    const { gateId, report } = this.#options;
    const told = version === '' ? null : (report?.() ?? null);
    const args = beatArgs(gateId, version, told === null ? '' : encodeReport(told));
    return readBeat(await runScript(this.#options.redis, this.#script, { keys: this.#keys, args }));
  }
}
