/** What a contest may use and how long one of its rounds should take. */
export interface Setting {
  readonly roundMs: number;
  /** A Redis of this run alone, `redis://…`; '' unless the contest asked for one. */
  readonly redisUrl: string;
}

/** Both sides, set up and warm enough to be measured. Each call is one round and gives its value. */
export interface Duel {
  ours(): Promise<number>;
  theirs(): Promise<number>;
  close(): Promise<void>;
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
  /** For contests whose single rounds are long. */
  readonly maxRounds?: number;
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
}

export interface Report {
  readonly bench: string;
  readonly rounds: number;
  readonly cores: number;
  readonly results: readonly Result[];
}
