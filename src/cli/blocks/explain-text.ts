import type { Hit, SubjectFacts } from '../../analytics/explain.ts';
import { verdictOf } from '../../analytics/verdict.ts';
import type { Block } from '../../blocklist/block.ts';
import { type BlockSubject, subjectFromKey, subjectKeyOf } from '../../client.ts';
import { columns } from '../columns.ts';
import type { ListSession } from '../list-session.ts';
import type { Paint } from '../paint.ts';
import { agoText, countText, plainText, untilText } from '../time-text.ts';
import { allowText, blockRows, knockingText } from './block-text.ts';
import type { SubjectExplanation } from './explain.ts';
import { subjectWords } from './subjects.ts';

/** Of its blocks, the newest first. */
const maxHistory = 10;

type Look = Pick<ListSession, 'nowMs' | 'paint'>;

/** The one sentence that whoever asks is after. */
const headline = (facts: SubjectFacts, paint: Paint): string => {
  const { tone, text } = verdictOf(facts);
  return paint[tone](plainText(text));
};

/** How an entry hits the subject. */
const hitText = ({ entry }: Hit, subject: BlockSubject): string => {
  const own = entry.subjectKey === subjectKeyOf(subject);
  return own ? 'by an entry of its own' : `by ${plainText(entry.subjectKey)}, which it lies in`;
};

const isAddress = ({ kind }: BlockSubject): boolean => kind === 'ip' || kind === 'network';
const isBehind = (allowed: BlockSubject, subject: BlockSubject): boolean => isAddress(subject) && !isAddress(allowed);

const listed = (hit: Hit): boolean => hit.block?.origin === 'list';

const hitRows = (hit: Hit, { facts, refusals: known }: SubjectExplanation, { nowMs }: Look): string[][] => {
  const { entry, block } = hit;
  const { subject } = facts;
  const refusals = known.get(entry.blockId);
  const head = ['hit', `${hitText(hit, subject)}: block ${entry.blockId}${listed(hit) ? `, list ${entry.rule}` : ''}`];
  if (block === null) {
    const until = untilText(entry.expiresAtMs, nowMs);
    return [
      head,
      ['', `rule ${entry.rule}, until ${until}; its block is not remembered`],
      ['refused', knockingText(refusals, nowMs)],
    ];
  }
  const rows = blockRows(block, refusals, nowMs);
  // Of a list the block stands for all of it: the end that counts is the entry's own.
  return [head, ...rows.filter(([name]) => name !== 'subject' && !(listed(hit) && name === 'until'))];
};

const historyText = (block: Block, nowMs: number): string => {
  const { id, state, rule, blockedAtMs, actor, reason } = block;
  const why = reason === '' ? '' : `: ${plainText(reason)}`;
  return `${id} ${state}, ${rule}, made ${agoText(blockedAtMs, nowMs)}, last changed by ${plainText(actor)}${why}`;
};

const factRows = ({ subject, standing, proposal, blocks }: SubjectFacts, { nowMs }: Look): string[][] => {
  const { allowed, tombstoneUntilMs, strikes, identities } = standing;
  const behind = countText(identities ?? 0, 'authenticated identity', 'authenticated identities');
  return [
    ...allowed.map((entry) => [
      'allowed',
      `${allowText(entry, nowMs)}${isBehind(entry.subject, subject) ? '; was served behind it' : ''}`,
    ]),
    ...(tombstoneUntilMs === null
      ? []
      : [['lifted', `the detector leaves it alone until ${untilText(tombstoneUntilMs, nowMs)}`]]),
    ...(proposal === null ? [] : [['proposed', historyText(proposal, nowMs)]]),
    [
      'strikes',
      strikes.length === 0
        ? 'none'
        : strikes.map(({ blockId, untilMs }) => `${blockId} until ${untilText(untilMs, nowMs)}`).join(', '),
    ],
    ...(identities === null ? [] : [['behind it', `${behind} in the last day`]]),
    ...blocks.slice(0, maxHistory).map((block, index) => [index === 0 ? 'history' : '', historyText(block, nowMs)]),
  ];
};

/** What a person can do about it, ready to be copied. */
const nextLines = ({ subject, hits, proposal, standing, elsewhere }: SubjectFacts): string[] => {
  const [hit] = hits;
  const own = hits.find(({ entry }) => entry.subjectKey === subjectKeyOf(subject));
  const who = subjectWords(subject);
  if (own && !listed(own)) {
    return [
      `tidegate blocks lift ${own.entry.blockId} --reason false-positive --note …   it was wrong`,
      `tidegate blocks confirm ${own.entry.blockId} --note …                        it is right`,
    ];
  }
  if (hit)
    return [
      `tidegate blocks allow ${who} --for 30d --note …   exempt it, and leave ${plainText(hit.entry.subjectKey)} blocked`,
    ];
  if (proposal) {
    return [
      `tidegate blocks activate ${proposal.id} --note …                      block it`,
      `tidegate blocks lift ${proposal.id} --reason false-positive --note …  never mind`,
    ];
  }
  const [other] = elsewhere;
  const within = other && subjectFromKey(other.subjectKey);
  if (within) return [`tidegate blocks explain ${subjectWords(within)}   the one that is blocked`];
  const [allowed] = standing.allowed;
  if (allowed) return [`tidegate blocks disallow ${subjectWords(allowed.subject)} --note …   end the allow entry`];
  return [`tidegate blocks add ${who} --for 2h --note …   block it by hand`];
};

/** The explanation for people. */
export const explanationText = (explanation: SubjectExplanation, look: Look): string => {
  const { paint } = look;
  const { facts } = explanation;
  const rows = [...facts.hits.flatMap((hit) => hitRows(hit, explanation, look)), ...factRows(facts, look)].map(
    ([name = '', value = '']) => [paint.faint(name), value],
  );
  return `${headline(facts, paint)}\n${columns(rows)}Next:\n${nextLines(facts)
    .map((line) => `  $ ${line}\n`)
    .join('')}`;
};
