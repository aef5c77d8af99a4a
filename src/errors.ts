/** What a failure code means and what its reader should do. One table: `docs/reference/errors.md` is generated from it. */
export const errorCatalogue = {
  CONFIG_INVALID: {
    meaning: 'A setting, flag or configuration file has a bad value.',
    next: 'Correct each listed problem.',
  },
  POLICY_INVALID: {
    meaning: 'A policy file was refused.',
    next: 'Correct each listed problem; what runs keeps the last good version.',
  },
  RULES_INVALID: {
    meaning: 'A detector rule file was refused.',
    next: 'Correct each listed problem.',
  },
  INPUT_INVALID: {
    meaning: 'A file, a log or a request cannot be read as what it should be.',
    next: 'Check the named input.',
  },
  ENGINE_UNKNOWN: { meaning: 'No engine answers to this URL.', next: 'Use one of the schemes that the message lists.' },
  ENGINE_MISSING: {
    meaning: 'The package of this engine is not installed.',
    next: 'Install the named package beside tidegate.',
  },
  ENGINE_UNREACHABLE: {
    meaning: 'The engine at this address does not answer.',
    next: 'Check address, credentials and that the engine runs: `tidegate doctor`.',
  },
  ENGINE_UNFIT: {
    meaning: 'The engine answers, but its version or settings cannot keep the guarantees.',
    next: 'Change what the message names.',
  },
  PORT_IN_USE: {
    meaning: 'Another process listens on this port.',
    next: 'Choose another (--port; --clickhouse-port for the embedded database), or stop that process.',
  },
  STORE_TIMEOUT: {
    meaning: 'The counter store did not answer within the deadline.',
    next: 'The policy decides what happens; look at the store if it lasts.',
  },
  STORE_FAILED: {
    meaning: 'The counter store refused or dropped a command.',
    next: 'The policy decides what happens; look at the store if it lasts.',
  },
  STORE_READ_ONLY: {
    meaning: 'The counter store can be read but not written: a replica, or a primary that was demoted.',
    next: 'It passes when a failover is done; else point tidegate at the primary.',
  },
  LOG_FAILED: {
    meaning: 'The event log refused or dropped a request.',
    next: 'Events wait and merge; look at the broker if it lasts.',
  },
  TABLE_FAILED: {
    meaning: 'The analytics database refused or dropped a request.',
    next: 'Ingest pauses and tries again; look at the database if it lasts.',
  },
  QUERY_TOO_EXPENSIVE: {
    meaning: 'A question to the analytics database would have taken longer, or read more, than one question may.',
    next: 'Ask for a shorter range or for less in it: one tenant, route, region, policy or client.',
  },
  TABLE_BUSY: {
    meaning: 'So many questions to the analytics database are waiting that this one was turned away.',
    next: 'Ask again in a moment.',
  },
  GRAFANA_UNREACHABLE: {
    meaning: 'Grafana did not answer.',
    next: 'Check --url, and that this machine reaches it.',
  },
  GRAFANA_REFUSED: { meaning: 'Grafana refused a request.', next: 'Do what the message says.' },
  FRAME_CORRUPT: {
    meaning: 'A frame does not match its headers or its version is unknown.',
    next: 'Look at it in the dead-letter topic.',
  },
  BLOCK_CONFLICT: { meaning: 'The block changed since it was read.', next: 'Read it again and decide anew.' },
  BLOCK_NOT_FOUND: {
    meaning: 'No block has this id.',
    next: 'List the blocks: old ones leave the list after their retention.',
  },
  DATA_LOCKED: {
    meaning: 'Another process holds this data folder.',
    next: 'One process at a time can open a data folder.',
  },
  MISUSED: {
    meaning: "The library is used in a way that does not do what is meant, and `onMisuse: 'throw'` asks for an error.",
    next: 'Do what the message says; `docs/reference/misuse.md` explains each kind.',
  },
  TOTALS_DIFFER: {
    meaning: 'The database holds another number of decisions than were taken.',
    next: 'Keep the data and report it: this must not happen.',
  },
} as const satisfies Record<string, { meaning: string; next: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** One thing wrong with an input, and where: `policies[2].limit`. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

export interface TidegateErrorOptions {
  readonly cause?: unknown;
  /** True when the same call may succeed later without anyone changing anything. Default false. */
  readonly retryable?: boolean;
  readonly problems?: readonly Problem[];
}

/** Every failure that leaves tidegate. A denial is never one of these: it is a value. */
export class TidegateError extends Error {
  override readonly name = 'TidegateError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly problems: readonly Problem[];

  constructor(code: ErrorCode, message: string, options: TidegateErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.problems = options.problems ?? [];
  }

  /** What to do about it. */
  get next(): string {
    return errorCatalogue[this.code].next;
  }
}

/** The text of anything thrown, for a message or a log line. */
export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

const fileTroubles: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
};

/** Why a file cannot be read, for a person. */
export const fileTroubleOf = (thrown: unknown): string => {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return fileTroubles[code] ?? messageOf(thrown);
};
