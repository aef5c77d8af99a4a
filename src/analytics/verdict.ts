import type { Block } from '../blocklist/block.ts';
import type { AllowEntry } from '../blocklist/block-review.ts';
import { covers } from '../blocklist/subject.ts';
import { subjectKeyOf } from '../client.ts';
import type { StoredDecision } from './decision-questions.ts';
import type { Hit, SubjectFacts } from './explain.ts';
import { actionPhrase, allowedText, blockText, deniedText, endText, instantText } from './verdict-text.ts';

/** What is to be said of a subject in one sentence. */
export interface SubjectVerdict {
  /** `bad`: it is or was refused; `doubtful`: it would be, but for now; `good`: nothing stands against it. */
  readonly tone: 'bad' | 'doubtful' | 'good';
  readonly text: string;
}

const says = (tone: SubjectVerdict['tone'], text: string): SubjectVerdict => ({ tone, text });

/** A refusal this close to the instant is what somebody means. */
const meantMs = 60_000;

const rowsOf = ({ decisions, route }: SubjectFacts): readonly StoredDecision[] => {
  if (typeof decisions === 'string') return [];
  const own = route === null ? [] : decisions.filter((row) => row.route === `${route.method} ${route.path}`);
  return own.length > 0 ? own : decisions;
};

const nearest = (rows: readonly StoredDecision[], atMs: number): StoredDecision | null =>
  rows.reduce<StoredDecision | null>(
    (best, row) => (best !== null && Math.abs(best.atMs - atMs) <= Math.abs(row.atMs - atMs) ? best : row),
    null,
  );

const isRefused = ({ outcome }: StoredDecision): boolean => outcome !== 'allowed';

/** Where an entry is from: its own, or a network around it, or of all tenants. */
const whereText = ({ entry }: Hit, { subject }: SubjectFacts): string => {
  if (entry.subjectKey === subjectKeyOf(subject)) return 'an entry of its own';
  const { kind, id } = subject;
  if (entry.subjectKey === subjectKeyOf({ kind, id }))
    return `an entry of ${entry.subjectKey}, which holds in all tenants`;
  return `an entry of ${entry.subjectKey}, which it lies in`;
};

const entryBlockText = ({ entry, block }: Hit): string =>
  block === null ? `block ${entry.blockId} of rule ${entry.rule}` : blockText(block);

const hitText = (hit: Hit, facts: SubjectFacts): string =>
  `${actionPhrase(hit.entry.action)} until ${instantText(hit.entry.expiresAtMs)} by ${entryBlockText(hit)}, ${whereText(hit, facts)}`;

const allowText = ({ kind, subject, actor, untilMs, note }: AllowEntry): string =>
  `${kind} ${subjectKeyOf(subject)} by ${actor} until ${instantText(untilMs)}${note === '' ? '' : ` (${note})`}`;

/** What the block that refused somebody has come to since. */
const sinceText = (block: Block, nowMs: number): string => {
  const end = endText(block);
  if (end !== '') return `, which ${end}`;
  return block.expiresAtMs > nowMs ? `, which lasts until ${instantText(block.expiresAtMs)}` : '';
};

const refusedText = (row: StoredDecision, facts: SubjectFacts): string => {
  if (row.outcome === 'denied') return deniedText(row, facts.loaded);
  const block = facts.refusing.get(row.policyVersion);
  const by = block
    ? `${blockText(block)} on ${subjectKeyOf(block.subject)}${sinceText(block, facts.nowMs)}`
    : `block ${row.policyVersion} of rule ${row.policy}`;
  return `was refused${row.count === 1 ? '' : ` ${row.count} times`} at ${instantText(row.atMs)} on ${row.route} by ${by}`;
};

/** The newest of its blocks that has ended, and what follows from it. */
const endedText = ({ blocks, standing }: SubjectFacts): string | null => {
  const last = blocks.find((block) => endText(block) !== '' && block.state !== 'superseded');
  const { tombstoneUntilMs } = standing;
  const alone = tombstoneUntilMs === null ? '' : `the detector leaves it alone until ${instantText(tombstoneUntilMs)}`;
  if (!last) return alone === '' ? null : alone;
  return `its last one, ${blockText(last)}, ${endText(last)}${alone === '' ? '' : `, and ${alone}`}`;
};

/** The allow entry that holds for all of it, and what it keeps away; null: there is none. */
const exemptText = ({ standing, subject, hits }: SubjectFacts): string | null => {
  const around = standing.allowed.find((entry) => covers(entry.subject, subject));
  if (!around) return null;
  const [hit] = hits;
  return `${allowText(around)}${hit ? `, which exempts it from ${entryBlockText(hit)} on ${hit.entry.subjectKey}` : ''}`;
};

/** What a limit does to it while nobody has decided: this is what whoever asks has met. */
const meanwhileText = (facts: SubjectFacts): string => {
  const denied = nearest(
    rowsOf(facts).filter(({ outcome }) => outcome === 'denied'),
    facts.atMs,
  );
  return denied ? `; a limit refuses it meanwhile: it ${deniedText(denied, facts.loaded)}` : '';
};

/** What the list says now; null: it has nothing to say. */
const standingVerdict = (name: string, facts: SubjectFacts): SubjectVerdict | null => {
  const { hits, switches, proposal, elsewhere } = facts;
  const [hit] = hits;
  if (hit && switches.blocks) {
    const until = instantText(switches.blocks.untilMs);
    return says(
      'doubtful',
      `${name} is not blocked now: blocks are switched off everywhere until ${until}, or ${hitText(hit, facts).replace(/^is /, 'it would be ')}`,
    );
  }
  if (hit) return says('bad', `${name} ${hitText(hit, facts)}`);
  const [other] = elsewhere;
  if (other) {
    const until = instantText(other.expiresAtMs);
    return says(
      'doubtful',
      `${name} is not blocked in all tenants, but ${other.subjectKey} ${actionPhrase(other.action)} until ${until} by block ${other.blockId} of rule ${other.rule}: ask about ${other.subjectKey}`,
    );
  }
  if (proposal) {
    const waits = `${name} is not blocked: ${blockText(proposal)} is proposed, and waits for a person`;
    return says('doubtful', `${waits}${meanwhileText(facts)}`);
  }
  return null;
};

const unknownText = ({ decisions, atMs }: SubjectFacts): string => {
  if (decisions === 'away') return '; what was decided is not known, for the analytics database is out of reach';
  return decisions === 'unasked' ? '' : `, and no decision about it is stored around ${instantText(atMs)}`;
};

/** What was decided about it, nearest to the instant; null: nothing is known. */
const decisionVerdict = (name: string, facts: SubjectFacts): SubjectVerdict | null => {
  const rows = rowsOf(facts);
  const { atMs, loaded } = facts;
  const refused = nearest(rows.filter(isRefused), atMs);
  const allowed = nearest(
    rows.filter((row) => !isRefused(row)),
    atMs,
  );
  const isMeant = (row: StoredDecision): boolean =>
    facts.isNow || allowed === null || Math.abs(row.atMs - atMs) <= Math.max(meantMs, Math.abs(allowed.atMs - atMs));
  if (refused && isMeant(refused)) return says('bad', `${name} ${refusedText(refused, facts)}`);
  if (!allowed) return null;
  const but = refused ? `; but it ${refusedText(refused, facts)}` : '';
  return says(refused ? 'doubtful' : 'good', `${name} ${allowedText(allowed, loaded)}${but}`);
};

const nowVerdict = (name: string, facts: SubjectFacts): SubjectVerdict => {
  const decision = decisionVerdict(name, facts);
  const refusal = decision?.tone === 'bad' ? decision : null;
  const exempt = exemptText(facts);
  if (exempt !== null) {
    // An allow entry keeps blocks away, and no limit.
    return refusal
      ? says('bad', `${refusal.text}; it is exempt from blocks, and not from limits: ${exempt}`)
      : says('good', `${name} is not blocked: ${exempt}`);
  }
  const standing = standingVerdict(name, facts) ?? refusal;
  if (standing) return standing;
  const ended = endedText(facts);
  if (ended !== null) return says('good', `${name} is not blocked: ${ended}`);
  return decision ?? says('good', `${name} is not blocked${unknownText(facts)}`);
};

const thenVerdict = (name: string, facts: SubjectFacts): SubjectVerdict => {
  const { atMs, blockThen, nowMs } = facts;
  const decision = decisionVerdict(name, facts);
  if (decision?.tone === 'bad') return decision;
  if (blockThen) {
    const { block, step } = blockThen;
    const what = actionPhrase(step.action).replace(/^is /, 'was ');
    const text = `${name} ${what} at ${instantText(atMs)} by ${blockText(block)} on ${subjectKeyOf(block.subject)}${sinceText(block, nowMs)}`;
    return says('bad', decision ? `${text}; ${decision.text}` : text);
  }
  return (
    decision ?? says('good', `${name} was not blocked at ${instantText(atMs)} as far as is known${unknownText(facts)}`)
  );
};

/** The one sentence that whoever asks is after. Ids in it are as they are stored: whoever shows it escapes them. */
export const verdictOf = (facts: SubjectFacts): SubjectVerdict => {
  const name = subjectKeyOf(facts.subject);
  return facts.isNow ? nowVerdict(name, facts) : thenVerdict(name, facts);
};
