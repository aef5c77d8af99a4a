import type { Block, BlockAction, BlockState, Evidence } from '../../blocklist/block.ts';
import type { Refusals } from '../../blocklist/block-feed.ts';
import type { AllowEntry } from '../../blocklist/block-review.ts';
import { subjectForPeople } from '../../blocklist/promotion.ts';
import type { BlockSubject } from '../../client.ts';
import { formatDurationMs } from '../../duration.ts';
import { heavier } from '../../replay/text-report.ts';
import { columns } from '../columns.ts';
import type { Paint } from '../paint.ts';
import {
  agoText,
  countText,
  instantText,
  leftText,
  numberText,
  plainText,
  sparedText,
  untilText,
} from '../time-text.ts';

/** `refuse`, or `60 per 1m`. */
export const actionText = (action: BlockAction): string =>
  action.kind === 'refuse' ? 'refuse' : `${numberText(action.limit)} per ${formatDurationMs(action.windowMs)}`;

/** What it does to requests, as the end of a sentence. */
export const actionPhrase = (action: BlockAction): string =>
  action.kind === 'refuse' ? 'is refused' : `is limited to ${actionText(action)}`;

export const subjectText = (subject: BlockSubject): string => plainText(subjectForPeople(subject));

export const paintState = (state: BlockState, paint: Paint): string => {
  if (state === 'active' || state === 'confirmed') return paint.bad(state);
  return state === 'proposed' ? paint.doubtful(state) : paint.faint(state);
};

/** `4,210 requests, the last 3 s ago; spared 4,210 commands, 1.2 MB`. */
export const refusalText = ({ refused, commands, bytes, lastAtMs }: Omit<Refusals, 'blockId'>, nowMs: number): string =>
  `${countText(refused, 'request')}, the last ${agoText(lastAtMs, nowMs)}; ` + `spared ${sparedText(commands, bytes)}`;

/** A gate tells of its refusals every 10 s or so. */
const knockingMs = 60_000;

export const knockingText = (refusals: Refusals | undefined, nowMs: number): string => {
  if (refusals === undefined) return 'nothing that a gate has told of yet: each tells every ten seconds';
  const isKnocking = nowMs - refusals.lastAtMs <= knockingMs;
  return `${isKnocking ? 'still knocking' : 'quiet'}: ${refusalText(refusals, nowMs)}`;
};

const evidenceText = (evidence: Evidence): string => {
  const { denied, allowed, early, members, windows, distinctRoutes } = evidence;
  return [
    `${numberText(denied)} denied and ${numberText(allowed)} allowed on ${countText(distinctRoutes, 'route')}`,
    `, in ${windows.hit} of ${windows.of} windows of ${formatDurationMs(windows.windowMs)}${heavier(windows)}`,
    early === null || early === 0 ? '' : `; ${numberText(early)} came back before their retry time`,
    members === null ? '' : `; by ${countText(members.clients, 'client')} of the network`,
  ].join('');
};

/** What speaks for the block, a line each. */
export const evidenceRows = (evidence: Evidence): string[][] => {
  const { routes, policies, members, collateral, firstSeenAtMs, lastSeenAtMs, log } = evidence;
  const rows: string[][] = [
    ['evidence', evidenceText(evidence)],
    ['', `from ${instantText(firstSeenAtMs)} to ${instantText(lastSeenAtMs)}, policies ${policies.join(', ')}`],
    ...routes.map(({ route, denied }) => ['', `${numberText(denied)} denied on ${plainText(route)}`]),
    ['', `in the log: partition ${log.partition}, records ${log.fromOffset} to ${log.toOffset}`],
  ];
  if (members) rows.push(['most denied', members.most.map(plainText).join(', ')]);
  if (collateral)
    rows.push(['behind it', countText(collateral.identities, 'authenticated identity', 'authenticated identities')]);
  return rows;
};

const originText: Readonly<Record<Block['origin'], string>> = {
  detector: 'the detector, by rule',
  person: 'a person',
  list: 'an imported list,',
};

/** A block in full, a row of two cells for each thing that is known. */
export const blockRows = (block: Block, refusals: Refusals | undefined, nowMs: number): string[][] => {
  const { reason, evidence, origin, rule, ruleHash, tenant } = block;
  const made = origin === 'person' ? originText.person : `${originText[origin]} ${rule}`;
  return [
    ['subject', subjectText(block.subject)],
    ['state', `${block.state}, version ${block.version}, last changed by ${plainText(block.actor)}`],
    ['action', actionText(block.action)],
    ['made by', `${made}${ruleHash === '' ? '' : ` (${ruleHash})`}, owner ${plainText(block.owner) || 'nobody'}`],
    ['since', `${instantText(block.blockedAtMs)} (${agoText(block.blockedAtMs, nowMs)})`],
    ['until', untilText(block.expiresAtMs, nowMs)],
    ...(reason === '' ? [] : [['reason', plainText(reason)]]),
    ...(tenant === '' ? [] : [['tenant', plainText(tenant)]]),
    ...(block.strikes === 0 ? [] : [['strikes', `${block.strikes} active when it was made`]]),
    ...(evidence === null ? [] : evidenceRows(evidence)),
    ['refused', knockingText(refusals, nowMs)],
  ];
};

/** Blocks as a table. */
export const blockTable = (
  blocks: readonly Block[],
  refusals: ReadonlyMap<string, Refusals>,
  { nowMs, paint }: { readonly nowMs: number; readonly paint: Paint },
): string =>
  columns([
    ['id', 'subject', 'state', 'action', 'rule', 'made', 'ends', 'refused'].map(paint.faint),
    ...blocks.map((block) => {
      const { id, subject, state, action, rule, blockedAtMs, expiresAtMs } = block;
      const knocking = refusals.get(id);
      return [
        id,
        subjectText(subject),
        paintState(state, paint),
        actionText(action),
        rule,
        agoText(blockedAtMs, nowMs),
        leftText(expiresAtMs, nowMs),
        knocking === undefined ? '0' : `${numberText(knocking.refused)}, last ${agoText(knocking.lastAtMs, nowMs)}`,
      ];
    }),
  ]);

/** `allow user:alice by anna until …: note`. */
export const allowText = (entry: AllowEntry, nowMs: number): string =>
  `${entry.kind} ${subjectText(entry.subject)} by ${plainText(entry.actor)} until ${untilText(entry.untilMs, nowMs)}: ${plainText(entry.note)}`;

export const allowView = ({ subject, kind, actor, note, untilMs }: AllowEntry): object => ({
  subject,
  kind,
  owner: actor,
  note,
  until: new Date(untilMs).toISOString(),
});
