/** What a contest may use and how long one of its rounds should take. */
export interface Setting {
  readonly roundMs: number;
  /** A Redis of this run alone, `redis://…`; '' unless the contest asked for one. */
  readonly redisUrl: string;
  /** The same of Kafka, `kafka://…`. */
  readonly kafkaUrl: string;
  /** Where a contest may keep what takes long to make, from run to run. */
  readonly keepFolder: string;
}

/** What one round of a contest with several facets has measured, by their names. */
export type Sample = Readonly<Record<string, number>>;

/** One of the many things that a value sums up, by itself. */
export interface Detail {
  /** What it belongs to, and what it is. */
  readonly group: string;
  readonly name: string;
  readonly value: number;
  readonly worst: number;
  /** In which of its circumstances it was worst. */
  readonly worstIn: string;
}

/** Both sides, set up and warm enough to be measured. Each call is one round and gives its value, or one for each facet. */
export interface Duel<Measured = number | Sample> {
  ours(): Promise<Measured>;
  theirs(): Promise<Measured>;
  /** What the rounds of `ours` sum up, worst first; the one that does not count is left out. */
  details?(): readonly Detail[];
  close(): Promise<void>;
}

/** One of several results that the same rounds give: `<contest>-<facet>`, or the contest's own name where it is ''. */
export interface Facet {
  readonly name: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
}

/** One result of a bench: tidegate and what runs beside it, measured in turns. */
export interface Contest {
  /** `memory-100k-keys` */
  readonly name: string;
  readonly unit: string;
  /** Which values are good ones. */
  readonly better: 'higher' | 'lower';
  /** What runs beside tidegate. */
  readonly reference: string;
  /** The least ratio that is good enough; null: only told. */
  readonly aim: number | null;
  /** What both sides do, for the page of results. */
  readonly about: string;
  readonly needsRedis?: boolean;
  readonly needsKafka?: boolean;
  /** Instead of a single value. Then `unit` and `better` say nothing. */
  readonly facets?: readonly Facet[];
  /** For contests whose single rounds are long. */
  readonly maxRounds?: number;
  /** Of all rounds together, with what is set up before. Default 180,000. */
  readonly timeoutMs?: number;
  open(setting: Setting): Promise<Duel>;
}

export interface Result {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly reference: string;
  readonly referenceValue: number;
  /** Above 1: tidegate is better. */
  readonly ratio: number;
  /** Of the first result of its contest. */
  readonly details?: readonly Detail[];
}

export interface Report {
  readonly bench: string;
  readonly rounds: number;
  readonly cores: number;
  readonly results: readonly Result[];
}

/** A result as its contest announces it. */
export interface Announced extends Facet {
  readonly contest: Contest;
  /** The facet's, within its contest; '' where there is only one result. */
  readonly facet: string;
}

/** The results that a contest gives, in their order. */
export const announcedBy = (contest: Contest): readonly Announced[] =>
  contest.facets
    ? contest.facets.map((facet) => ({
        ...facet,
        contest,
        facet: facet.name,
        name: facet.name === '' ? contest.name : `${contest.name}-${facet.name}`,
      }))
    : [{ name: contest.name, unit: contest.unit, better: contest.better, contest, facet: '' }];
