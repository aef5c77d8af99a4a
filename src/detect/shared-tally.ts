import type { Verdict } from '../blocklist/block.ts';
import { clientKeyOf } from '../client.ts';
import { convicts, judge } from './judge.ts';
import { LevelQueue, type Queued } from './level-queue.ts';
import { QuietSubjects } from './quiet-subjects.ts';
import { type Grouping, incidentStartMs, type Rule } from './rule.ts';
import { subjectOf } from './subject.ts';
import { addAllowed, addDenied, cellsOf, doubtBits, newTally, type TrackedEvent, type WindowTally } from './tally.ts';
import { verdictOf } from './verdict.ts';

/** What is known of one subject. Windows ascend by start. */
export interface TrackedSubject extends Queued {
  readonly key: string;
  windows: WindowTally[];
  /** Denied something since the last conclusion. */
  touched: boolean;
  /** Start of the newest incident that got a verdict, by rule; empty before the first. */
  judged: readonly number[];
  /** What its windows took when they were last counted. */
  cells: number;
}

export interface SharedTallyOptions {
  /** Rules that agree in whom they group, what they match and how long their windows are. At least one. */
  readonly rules: readonly Rule[];
  readonly partition: number;
  readonly sinceMs: (rule: Rule) => number;
  readonly maxSuspects: number;
  readonly maxQuiet: number;
  readonly maxCells: number;
  /** How far an event may lie behind the newest one. */
  readonly latenessMs: number;
}

/**
 * Who is forgotten first when there is no room: those whom every rule has judged already in this incident (level 0), then
 * by how often they were denied (1 to 7, each twice the one before), then by how near they are to a verdict (8 to 15); of one
 * level whoever was denied longest ago. An eighth of the room is for levels 0 and 1, where newcomers are: a flood of new ids
 * evicts itself, and a tally full of old suspects still takes new ones in.
 */
const levels = 16;
const nearLevel = 8;
const knownLevel = 2;
const newcomerShare = 1 / 8;

/** One for all that were never judged. */
const notJudged: readonly number[] = [];

const newSubject = (key: string): TrackedSubject => ({
  key,
  windows: [],
  touched: false,
  judged: notJudged,
  cells: 0,
  level: 0,
  before: null,
  after: null,
});

/** What a conclusion found, for the order in which rules stand in the file. */
export interface Concluded {
  readonly rule: Rule;
  readonly verdict: Verdict;
}

/** The windows of all subjects that some rules look at, kept once for all of these rules. */
export class SharedTally {
  readonly #options: SharedTallyOptions;
  readonly #by: Grouping;
  readonly #lengthMs: number;
  /** Windows that some rule looks back over. */
  readonly #of: number;
  /** Of subjects that were denied nothing: as many as a late denial can fall into. */
  readonly #quietOf: number;
  readonly #byRoute: boolean;
  readonly #suspects = new Map<string, TrackedSubject>();
  readonly #queue = new LevelQueue<TrackedSubject>(levels);
  readonly #quiet: QuietSubjects;
  #touched: TrackedSubject[] = [];
  #cells = 0;
  #evicted = 0;
  /** The newest instant of which something came too late, and the newest window of which a subject was forgotten. */
  #missedMs = Number.NEGATIVE_INFINITY;
  #forgottenMs = Number.NEGATIVE_INFINITY;

  constructor(options: SharedTallyOptions) {
    const [first] = options.rules;
    this.#options = options;
    this.#by = first?.by ?? 'client';
    this.#lengthMs = first?.windows.lengthMs ?? 1;
    this.#of = Math.max(...options.rules.map(({ windows }) => windows.of));
    this.#quietOf = Math.min(this.#of, 1 + Math.ceil(options.latenessMs / this.#lengthMs));
    this.#byRoute = options.rules.some(({ condition }) => condition.depth !== null);
    this.#quiet = new QuietSubjects(options.maxQuiet);
  }

  get clients(): number {
    return this.#suspects.size + this.#quiet.size;
  }

  /** Suspects forgotten for lack of room. */
  get evicted(): number {
    return this.#evicted;
  }

  /** What the windows of suspects take, in units of about 60 bytes. */
  get cells(): number {
    return this.#cells;
  }

  /** Takes in an event that the rules match. `key`: what its subject goes by. */
  observe(event: TrackedEvent, key: string): void {
    const { client, denied } = event;
    if (!denied) {
      this.#observeAllowed(key, event);
      return;
    }
    const known = this.#suspects.get(key) ?? this.#suspectFrom(key);
    const tally = this.#windowFor(known, event.atMs, this.#of);
    if (!tally) return;
    addDenied(tally, event, this.#by === 'network' ? clientKeyOf(client) : null);
    if (known.touched) return;
    known.touched = true;
    this.#touched.push(known);
  }

  /** Rows of this instant came too late to be counted, whoever they were of. */
  missed(atMs: number): void {
    this.#missedMs = Math.max(this.#missedMs, atMs);
  }

  /** Verdicts on the subjects that were denied something since the last call. */
  conclude(): Concluded[] {
    if (this.#touched.length === 0) return [];
    const concluded = this.#touched.flatMap((tracked) => this.#conclude(tracked));
    this.#touched = [];
    this.#bound();
    return concluded;
  }

  /** Forgets subjects whose newest window is out of sight. */
  forgetBefore(atMs: number): void {
    const isGone = ({ windows }: TrackedSubject): boolean =>
      (windows.at(-1)?.startMs ?? Number.NEGATIVE_INFINITY) + this.#lengthMs * this.#of <= atMs;
    for (const tracked of this.#suspects.values()) if (isGone(tracked)) this.#forget(tracked);
    this.#quiet.forget(isGone);
  }

  #observeAllowed(key: string, event: TrackedEvent): void {
    const suspect = this.#suspects.get(key);
    const tracked = suspect ?? this.#quiet.get(key) ?? newSubject(key);
    if (!suspect && this.#quiet.put(tracked))
      this.#forgottenMs = Math.max(this.#forgottenMs, this.#startOf(event.atMs));
    const tally = this.#windowFor(tracked, event.atMs, suspect ? this.#of : this.#quietOf);
    if (tally) addAllowed(tally, event, this.#byRoute);
  }

  #suspectFrom(key: string): TrackedSubject {
    const tracked = this.#quiet.take(key) ?? newSubject(key);
    this.#suspects.set(key, tracked);
    this.#queue.push(tracked, 1);
    if (this.#suspects.size > this.#options.maxSuspects) this.#evictLowest();
    return tracked;
  }

  #evictLowest(): void {
    const newcomers = Math.max(1, Math.floor(this.#options.maxSuspects * newcomerShare));
    const hasManyNew = this.#queue.below(knownLevel) > newcomers;
    const lowest = this.#queue.lowest(hasManyNew ? 0 : knownLevel) ?? this.#queue.lowest();
    if (!lowest) return;
    this.#evicted += 1;
    this.#forgottenMs = Math.max(this.#forgottenMs, lowest.windows.at(-1)?.startMs ?? Number.NEGATIVE_INFINITY);
    this.#forget(lowest);
  }

  #forget(tracked: TrackedSubject): void {
    this.#queue.remove(tracked);
    this.#suspects.delete(tracked.key);
    this.#cells -= tracked.cells;
    tracked.cells = 0;
  }

  #bound(): void {
    while (this.#cells > this.#options.maxCells && this.#suspects.size > 1) this.#evictLowest();
  }

  #startOf(atMs: number): number {
    return Math.floor(atMs / this.#lengthMs) * this.#lengthMs;
  }

  /** The window of this instant; null when it is too old for the subject. */
  #windowFor(tracked: TrackedSubject, atMs: number, most: number): WindowTally | null {
    const startMs = this.#startOf(atMs);
    const newest = tracked.windows.at(-1);
    if (newest?.startMs === startMs) return newest;
    const known = tracked.windows.find((tally) => tally.startMs === startMs);
    if (known) return known;
    const oldestMs = Math.max(startMs, newest?.startMs ?? startMs) - (this.#of - 1) * this.#lengthMs;
    if (startMs < oldestMs) return null;
    const made = newTally(startMs, this.#by === 'network');
    if (!newest) {
      // Nobody knows whether this one was among the forgotten.
      if (startMs <= this.#forgottenMs) made.doubts = doubtBits.forgotten;
      tracked.windows = [made];
      return made;
    }
    const kept = [...tracked.windows.filter((tally) => tally.startMs >= oldestMs), made];
    kept.sort((left, right) => left.startMs - right.startMs);
    tracked.windows = kept.slice(-most);
    return made;
  }

  #conclude(tracked: TrackedSubject): Concluded[] {
    tracked.touched = false;
    const { windows } = tracked;
    const newestMs = windows.at(-1)?.startMs ?? 0;
    const found: Concluded[] = [];
    let nearness = -1;
    for (const [index, rule] of this.#options.rules.entries()) {
      const incident = incidentStartMs(rule, newestMs);
      if (incident <= (tracked.judged[index] ?? Number.NEGATIVE_INFINITY)) continue;
      const oldestMs = newestMs - (rule.windows.of - 1) * this.#lengthMs;
      const stretch =
        windows[0] && windows[0].startMs < oldestMs ? windows.filter((w) => w.startMs >= oldestMs) : windows;
      const judgement = judge(rule, stretch);
      if (!convicts(rule, judgement, stretch)) {
        nearness = Math.max(nearness, Math.min(1, judgement.weight / rule.windows.hit));
        continue;
      }
      tracked.judged = this.#judgedWith(tracked.judged, index, incident);
      if (incident < this.#options.sinceMs(rule)) continue;
      const { partition } = this.#options;
      const subject = subjectOf(this.#by, tracked.key);
      const hasMissed = oldestMs <= this.#missedMs;
      found.push({ rule, verdict: verdictOf({ rule, subject, partition, judgement, stretch, hasMissed }) });
    }
    this.#rank(tracked, nearness);
    return found;
  }

  #judgedWith(judged: readonly number[], index: number, incident: number): number[] {
    const kept = judged.length > 0 ? [...judged] : this.#options.rules.map(() => Number.NEGATIVE_INFINITY);
    kept[index] = incident;
    return kept;
  }

  /** `nearness`: of the rule that is nearest to a verdict, 0 to 1; below 0: all have judged. */
  #rank(tracked: TrackedSubject, nearness: number): void {
    // Evicted since it was touched.
    if (this.#suspects.get(tracked.key) !== tracked) return;
    let cells = 0;
    let denied = 0;
    for (const tally of tracked.windows) {
      cells += cellsOf(tally);
      denied += tally.denied;
    }
    this.#cells += cells - tracked.cells;
    tracked.cells = cells;
    this.#queue.remove(tracked);
    this.#queue.push(tracked, levelOf(nearness, denied));
  }
}

const levelOf = (nearness: number, denied: number): number => {
  if (nearness < 0) return 0;
  if (nearness > 0) return nearLevel + Math.min(levels - nearLevel - 1, Math.floor(nearness * (levels - nearLevel)));
  return Math.min(nearLevel - 1, 1 + Math.floor(Math.log2(Math.max(1, denied))));
};
