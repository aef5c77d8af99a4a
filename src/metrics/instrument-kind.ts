/** What kind of number an instrument is, in OpenTelemetry's words. */
export type InstrumentKind = 'counter' | 'up-down counter' | 'gauge' | 'histogram';

export interface Instrument {
  readonly name: string;
  readonly kind: InstrumentKind;
  /** UCUM: `s`, `By`, `1`, or what is counted in braces. */
  readonly unit: string;
  readonly description: string;
  /** Attributes it is told apart by; all of them have few values. */
  readonly attributes: readonly AttributeName[];
  /** Upper bounds, of a histogram alone. */
  readonly buckets?: readonly number[];
}

export type InstrumentTable = Readonly<Record<string, Instrument>>;

/** Every attribute of a metric, and what bounds it. Clients, routes and tenants are for events: they have no bound. */
export const attributes = {
  'tidegate.outcome': '`allowed`, `denied`, `blocked`',
  'tidegate.source': 'who decided: `store`, `lease`, `deny-cache`, `fallback`, …',
  'tidegate.policy':
    'the policy that decided, for blocked requests the rule; left out where none did; after 200 names `~other`',
  'tidegate.loss': '`rolled-back`, `flushed`, `failover` (perhaps nothing)',
  'tidegate.reason':
    'why the primary store was not asked or did not answer: `timeout`, `error`, `breaker-open`, …; why a verdict makes no block: `tombstone`, `allow-list`, …',
  'tidegate.step': 'what was given up: `interval`, `client` (and the route), `tenant` (and policy and cost)',
  'tidegate.topic':
    'the topic that is ingested: `tidegate.decisions`, `tidegate.blocks`, `tidegate.policies`, `tidegate.health`',
  'tidegate.partition': 'the number of the partition, of those that this process owns',
  'tidegate.result': 'what became of a verdict: `activated`, `proposed`, `already`, `suppressed`, `shadow`',
  'tidegate.rule': 'a rule of the detector, of at most 64; `*`: all of them together',
  'tidegate.what': '`blocks`, `limits`',
  'tidegate.mode': '`off`, `shadow`, `review`, `enforce`',
  'tidegate.note': '`traffic`, `identities`',
  'tidegate.finding': 'what an audit can find: `rows-missing`, `rows-doubled`, `rollup-differs`, `tail-unknown`, …',
  'tidegate.alert': 'an alert of the catalogue',
  'tidegate.severity': '`page`, `ticket`',
  'tidegate.channel': '`webhook`, `alertmanager`',
  'tidegate.version': 'of tidegate',
  'tidegate.command': '`up`, `serve`, `ingest`, `detect`, `demo`; in `health_samples` also `gate`',
  'tidegate.region': 'as configured',
  'cpu.mode': '`user`, `system`',
} as const;
export type AttributeName = keyof typeof attributes;

export const none = [] as const;
