import type {
  EvidenceCounts,
  EvidenceQuery,
  EvidenceQuestion,
  EvidenceReader,
  EvidenceState,
} from '../analytics/verify-rows.ts';
import type { Block, Evidence } from '../blocklist/block.ts';
import type { RuleBook } from '../blocklist/rule-book.ts';
import type { BlockSubject } from '../client.ts';
import { type Recounted, recount } from '../detect/recount.ts';
import type { Rule } from '../detect/rule.ts';
import { ruleFromNoted } from '../detect/rule-definition.ts';
import { type ErrorCode, TidegateError } from '../errors.ts';
import { type EvidenceNumbers, numbersOf, otherNumbers } from './verify-numbers.ts';

export interface Verification {
  readonly result: 'match' | 'mismatch' | 'unverifiable';
  /** In a sentence: what differs, or why nothing can be said; '' where all is equal. */
  readonly reason: string;
  readonly expected: EvidenceNumbers | null;
  readonly found: EvidenceNumbers | null;
  readonly query: EvidenceQuery | null;
}

export interface BlockVerifierOptions {
  readonly book: Pick<RuleBook, 'ruleByHash'>;
  /** Null: the database is not in reach of this process. */
  readonly reader: EvidenceReader | null;
}

/** Windows before and behind the one of the last denial: what was only allowed may be newer than that. */
const rangeOf = ({ windows: { lengthMs, of } }: Rule, { lastSeenAtMs }: Pick<Evidence, 'lastSeenAtMs'>) => {
  const lastMs = Math.floor(lastSeenAtMs / lengthMs) * lengthMs;
  return { fromMs: Math.max(0, lastMs - (of - 1) * lengthMs), toMs: lastMs + of * lengthMs };
};

type Marks = NonNullable<Evidence['log']['marks']>;

/** Evidence that says up to which rows it goes. */
type Located = Evidence & { readonly log: { readonly marks: Marks } };

const questionOf = (rule: Rule, { subject }: Block, { log, ...evidence }: Located): EvidenceQuestion => ({
  of: subject.kind === 'network' ? { network: subject.id } : { client: { kind: subject.kind, id: subject.id } },
  ...(subject.tenant === undefined ? {} : { tenant: subject.tenant }),
  match: rule.match,
  partition: log.partition,
  ...rangeOf(rule, evidence),
  windowMs: rule.windows.lengthMs,
  marks: log.marks,
});

const sayings: Partial<Record<ErrorCode, string>> = {
  QUERY_TOO_EXPENSIVE: 'The question takes longer, or reads more, than one question may.',
  TABLE_BUSY: 'The analytics database is busy: try again in a moment.',
  TABLE_FAILED: 'The analytics database does not answer.',
  ENGINE_UNREACHABLE: 'The analytics database does not answer.',
  ENGINE_UNFIT: 'The analytics database is not of this release.',
};

const isAway = (error: unknown): boolean => error instanceof TidegateError && sayings[error.code] !== undefined;

const doubtTexts = {
  late: 'some decisions of that time came too late for the detector to count them',
  clock: "the clock of a gate was ahead of the event log's, which the detector went by",
  forgotten: 'the detector may have forgotten earlier decisions for lack of room',
} as const;

interface Asked {
  readonly rule: Rule;
  readonly evidence: Evidence;
  readonly question: EvidenceQuestion;
}

const unverifiable = (reason: string, known: Partial<Verification> = {}): Verification => ({
  expected: null,
  found: null,
  query: null,
  ...known,
  result: 'unverifiable',
  reason,
});

/** Where rows are missing that once were there, and where there may be more than were counted. Null: nothing excuses it. */
const excuseOf = ({ evidence, question }: Asked, found: Recounted | null, state: EvidenceState): string | null => {
  if (state.behind.length > 0) return 'Not all of its decisions are stored yet: ingest is behind the detector.';
  if (question.fromMs < state.keepsSinceMs) return 'Some of its decisions are older than single rows are kept.';
  const isLess = (found?.evidence.denied ?? 0) < evidence.denied || (found?.evidence.allowed ?? 0) < evidence.allowed;
  if (isLess && state.erasedRows > 0) return 'Decisions of that time were of a client that has been erased.';
  const doubts = (evidence.log.doubts ?? []).filter((doubt) => doubt === 'clock' || !isLess);
  if (doubts.length === 0) return null;
  return `The numbers differ, and may: ${doubts.map((doubt) => doubtTexts[doubt]).join('; ')}.`;
};

/**
 * Asks the stored decisions whether they still say what a block was made for: the rule as it was then, by its hash, over the
 * rows that the detector had read, up to the last one.
 */
export class BlockVerifier {
  readonly #book: BlockVerifierOptions['book'];
  readonly #reader: EvidenceReader | null;

  constructor({ book, reader }: BlockVerifierOptions) {
    this.#book = book;
    this.#reader = reader;
  }

  /** Null: the evidence cannot be asked for again, whatever {@link verify} says why. */
  async queryOf(block: Block): Promise<EvidenceQuery | null> {
    const asked = await this.#askedOf(block);
    if (typeof asked === 'string' || this.#reader === null) return null;
    try {
      return await this.#reader.queryFor(asked.question);
    } catch (error) {
      if (isAway(error)) return null;
      throw error;
    }
  }

  /** Rejects only when the block list does not answer. */
  async verify(block: Block): Promise<Verification> {
    const expected = block.evidence && numbersOf(block.evidence);
    const asked = await this.#askedOf(block);
    if (typeof asked === 'string') return unverifiable(asked, { expected });
    const reader = this.#reader;
    if (reader === null) return unverifiable('The analytics database is not in reach of this process.', { expected });
    let query: EvidenceQuery | null = null;
    try {
      query = await reader.queryFor(asked.question);
      const counts = await reader.counts(asked.question);
      return { ...(await this.#compare(reader, { ...asked, counts, subject: block.subject })), query };
    } catch (error) {
      const saying = error instanceof TidegateError ? sayings[error.code] : undefined;
      if (saying === undefined) throw error;
      return unverifiable(saying, { expected, query });
    }
  }

  async #compare(
    reader: EvidenceReader,
    asked: Asked & { readonly counts: EvidenceCounts; readonly subject: BlockSubject },
  ): Promise<Omit<Verification, 'query'>> {
    const { rule, evidence, question, counts, subject } = asked;
    const again = recount({ rule, subject, log: evidence.log, rows: counts.counts, members: counts.members });
    const expected = numbersOf(evidence);
    const found = again && numbersOf(again.evidence);
    const isCrowded = again?.isCrowded ?? false;
    const others = found === null ? ['everything'] : otherNumbers(expected, found, isCrowded);
    if (others.length === 0) {
      const reason = isCrowded
        ? 'One window has more routes than the detector tells apart: which of them it named depends on their order.'
        : '';
      return { result: 'match', reason, expected, found };
    }
    const excuse = excuseOf(asked, again, await reader.state(question));
    if (excuse !== null) return unverifiable(excuse, { expected, found });
    const reason =
      found === null ? 'No decision of that time is stored any more.' : `Other numbers: ${others.join(', ')}.`;
    return { result: 'mismatch', reason, expected, found };
  }

  /** In words why it cannot be asked. */
  async #askedOf(block: Block): Promise<Asked | string> {
    const { evidence, rule, ruleHash } = block;
    if (evidence === null) return 'No detector concluded it: there is no evidence to verify.';
    const { marks } = evidence.log;
    if (marks === null || marks === undefined) {
      return 'It does not say up to which rows it was concluded: an older detector made it, or too many gates took part.';
    }
    const noted = await this.#book.ruleByHash(ruleHash);
    const known = noted && ruleFromNoted(noted);
    if (known === null) return `Nobody has noted what the rule ${rule} said then.`;
    return {
      rule: known,
      evidence,
      question: questionOf(known, block, { ...evidence, log: { ...evidence.log, marks } }),
    };
  }
}
