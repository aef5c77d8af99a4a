import type { Verdict } from '../blocklist/block.ts';
import { type Client, otherClientId } from '../client.ts';
import type { SeenEvent } from '../event/event-scan.ts';
import type { AllowedRow } from './notes.ts';
import { incidentMs, incidentStartMs, type Rule } from './rule.ts';
import { type PassBounds, RulePass } from './rule-pass.ts';
import type { Heard, TrackedEvent } from './tally.ts';

export const partitionDefaults = {
  /** An event that is further behind the newest one of its partition is no evidence any more. */
  latenessMs: 60_000,
  /**
   * How long after an emitter was last heard, in time of the log, its numbers are told from repeated ones. Reading begins so
   * much earlier than windows need, or a successor would count a repeated row whose first copy it has not read.
   */
  repeatMs: 60_000,
  /** Emitters whose last number is remembered, per partition. */
  maxEmitters: 10_000,
} as const;

export interface PartitionDetectorOptions extends PassBounds {
  readonly partition: number;
  readonly rules: readonly Rule[];
  /** Where reading starts. */
  readonly fromOffset: number;
  /** Of the checkpoint that reading starts from; incidents that began before it are not judged again. */
  readonly horizonMs?: number;
  readonly latenessMs?: number;
  /** Told of everything that was allowed, evidence or not. Nothing comes back from it; the row is the same object each time. */
  readonly served?: (row: AllowedRow) => void;
}

export interface ObservedRecord {
  readonly offset: number;
  /** The broker's time: no event is newer, whatever an emitter's clock says. */
  readonly appendedAtMs: number;
  /** May give the same object each time. */
  readonly events: Iterable<SeenEvent>;
}

/** What a successor needs to reach the same conclusions: read from the offset, judge no incident before the horizon. */
export interface Checkpoint {
  readonly offset: number;
  readonly horizonMs: number;
}

export interface PartitionStats {
  readonly events: number;
  /** Decisions that were evidence for some rule to look at. */
  readonly evidence: number;
  readonly late: number;
  readonly duplicates: number;
  readonly evictedClients: number;
  readonly clients: number;
}

/** The first record that brought the watermark into a new step. */
interface Mark {
  readonly offset: number;
  readonly watermarkMs: number;
}

const maxMarks = 1000;

/** The newest of an emitter, and where the watermark was then. */
interface HeardAt extends Heard {
  seq: number;
  watermarkMs: number;
}

const unheard = (emitter: string): HeardAt => ({ emitter, seq: 0, watermarkMs: Number.NEGATIVE_INFINITY });

type Writable<T> = { -readonly [Field in keyof T]: T[Field] };
type Reused<T extends { readonly client: Client }> = Writable<Omit<T, 'client'>> & {
  readonly client: Writable<Client>;
};

/** Who decided with full knowledge of this client's own counter. */
const trustedSources: ReadonlySet<string> = new Set(['store', 'lease', 'deny-cache']);

const routeOf = (route: string): string | null => (route === '~other' || route.endsWith(' ~other') ? null : route);

/** Whether a decision says something about its client, and not about a tenant, an outage or a block. */
const isEvidence = (event: SeenEvent): boolean => {
  if (event.outcome === 'blocked' || event.client === otherClientId) return false;
  if (event.degraded !== '' || !trustedSources.has(event.source)) return false;
  if (event.outcome === 'allowed') return true;
  const scope = event.scope.split('+');
  // Who is known by address alone is all that a limit by address counts.
  const isOwn = scope.includes('client') || (event.clientKind === 'ip' && scope.includes('address'));
  return isOwn && !(scope.includes('route') && routeOf(event.route) === null);
};

/**
 * All rules over one partition. Pure and synchronous: its verdicts are a function of the records alone, however they are
 * batched and whoever reads them.
 */
export class PartitionDetector {
  readonly #rules: readonly Rule[];
  readonly #pass: RulePass;
  readonly #fromOffset: number;
  readonly #sinceHorizonMs: number;
  readonly #latenessMs: number;
  readonly #stepMs: number;
  #marks: Mark[] = [];
  #watermarkMs = Number.NEGATIVE_INFINITY;
  #nextOffset: number;
  /** Emitters heard before the last one, the one not heard for longest first. */
  readonly #before = new Map<string, HeardAt>();
  #heard: HeardAt = unheard('');
  /** Filled anew for each event: nobody keeps them. */
  readonly #tracked: Reused<TrackedEvent> = {
    ...{ atMs: 0, offset: 0, denied: false, count: 0, early: null, policy: '', route: null, tenant: '' },
    client: { kind: 'ip', id: '' },
    heard: this.#heard,
    isClamped: false,
  };
  readonly #allowed: Reused<AllowedRow> = { client: { kind: 'ip', id: '' }, address: '', count: 0, atMs: 0 };
  readonly #served: ((row: AllowedRow) => void) | null;
  #counts = { events: 0, evidence: 0, late: 0, duplicates: 0 };

  constructor(options: PartitionDetectorOptions) {
    const { partition, fromOffset, horizonMs = Number.NEGATIVE_INFINITY } = options;
    this.#rules = options.rules.filter(({ mode }) => mode !== 'off');
    this.#fromOffset = fromOffset;
    this.#nextOffset = fromOffset;
    this.#sinceHorizonMs = horizonMs;
    this.#served = options.served ?? null;
    this.#latenessMs = options.latenessMs ?? partitionDefaults.latenessMs;
    const lengths = this.#rules.map(({ windows }) => windows.lengthMs);
    const longestMs = Math.max(0, ...this.#rules.map(incidentMs)) * 2 + this.#latenessMs + partitionDefaults.repeatMs;
    this.#stepMs = Math.max(Math.min(...lengths, longestMs), Math.ceil(longestMs / maxMarks), 1);
    const { maxSuspects, maxQuiet } = options;
    this.#pass = new RulePass({
      rules: this.#rules,
      partition,
      sinceMs: (rule) => incidentStartMs(rule, horizonMs),
      latenessMs: this.#latenessMs,
      ...(maxSuspects !== undefined && { maxSuspects }),
      ...(maxQuiet !== undefined && { maxQuiet }),
    });
  }

  /** Behind the newest record that was observed. */
  get nextOffset(): number {
    return this.#nextOffset;
  }

  /** The verdicts that this record completes. Records that were observed before change nothing. */
  observe({ offset, appendedAtMs, events }: ObservedRecord): Verdict[] {
    if (offset < this.#nextOffset) return [];
    this.#nextOffset = offset + 1;
    for (const event of events) this.#observeEvent(event, offset, appendedAtMs);
    return this.#pass.conclude();
  }

  /** Valid for everything observed so far, once its verdicts have been promoted. */
  checkpoint(): Checkpoint {
    if (this.#rules.length === 0) return { offset: this.#nextOffset, horizonMs: this.#sinceHorizonMs };
    const horizonMs = Math.max(this.#sinceHorizonMs, this.#watermarkMs - this.#latenessMs);
    const neededMs = Math.min(
      ...this.#rules.map((rule) => incidentStartMs(rule, horizonMs) - (rule.windows.of - 1) * rule.windows.lengthMs),
    );
    const fromMs = neededMs - partitionDefaults.repeatMs;
    const index = this.#marks.findLastIndex(({ watermarkMs }) => watermarkMs <= fromMs);
    if (index > 0) this.#marks = this.#marks.slice(index);
    return { offset: index < 0 ? this.#fromOffset : (this.#marks[0]?.offset ?? this.#fromOffset), horizonMs };
  }

  stats(): PartitionStats {
    const { clients, evicted } = this.#pass.stats();
    return { ...this.#counts, evictedClients: evicted, clients };
  }

  #observeEvent(event: SeenEvent, offset: number, appendedAtMs: number): void {
    const atMs = Math.min(event.timeMs, appendedAtMs);
    if (this.#isDuplicate(event, atMs)) return;
    this.#counts.events += 1;
    this.#advance(atMs, offset);
    this.#heard.watermarkMs = this.#watermarkMs;
    const { outcome } = event;
    if (outcome === 'allowed') this.#tellServed(event, atMs);
    if (atMs < this.#watermarkMs - this.#latenessMs) {
      this.#counts.late += 1;
      this.#pass.missed(atMs);
      return;
    }
    if (!isEvidence(event)) return;
    const tracked = this.#tracked;
    tracked.atMs = atMs;
    tracked.offset = offset;
    tracked.denied = outcome === 'denied';
    tracked.count = event.count;
    tracked.early = event.early;
    tracked.policy = event.policy;
    tracked.route = routeOf(event.route);
    tracked.client.kind = event.clientKind;
    tracked.client.id = event.client;
    tracked.tenant = event.tenant;
    tracked.heard = this.#heard;
    tracked.isClamped = event.timeMs > appendedAtMs;
    if (tracked.denied) this.#counts.evidence += event.count;
    this.#pass.observe(tracked);
  }

  #tellServed({ clientKind, client, address, count }: SeenEvent, atMs: number): void {
    if (this.#served === null) return;
    const allowed = this.#allowed;
    allowed.client.kind = clientKind;
    allowed.client.id = client;
    allowed.address = address;
    allowed.count = count;
    allowed.atMs = atMs;
    this.#served(allowed);
  }

  /** A send that was tried again can double a frame: numbers of one emitter only grow. */
  #isDuplicate({ emitter, seq }: SeenEvent, atMs: number): boolean {
    if (emitter !== this.#heard.emitter) this.#hear(emitter);
    const heard = this.#heard;
    if (seq <= heard.seq && Math.max(this.#watermarkMs, atMs) - heard.watermarkMs <= partitionDefaults.repeatMs) {
      this.#counts.duplicates += 1;
      return true;
    }
    heard.seq = seq;
    return false;
  }

  /** Rows come frame by frame: the map is asked when the emitter is another one only. */
  #hear(emitter: string): void {
    this.#before.set(this.#heard.emitter, this.#heard);
    this.#heard = this.#before.get(emitter) ?? unheard(emitter);
    this.#before.delete(emitter);
    if (this.#before.size < partitionDefaults.maxEmitters) return;
    const oldest = this.#before.keys().next();
    if (!oldest.done) this.#before.delete(oldest.value);
  }

  #advance(atMs: number, offset: number): void {
    if (atMs <= this.#watermarkMs) return;
    const entersStep = Math.floor(atMs / this.#stepMs) > Math.floor(this.#watermarkMs / this.#stepMs);
    this.#watermarkMs = atMs;
    if (!entersStep) return;
    const newest = this.#marks.at(-1);
    // One record can cross several steps; its offset serves all of them.
    if (newest?.offset !== offset) this.#marks.push({ offset, watermarkMs: atMs });
    if (this.#marks.length > 2 * maxMarks) this.checkpoint();
    this.#pass.forgetBefore(atMs - this.#latenessMs);
  }
}
