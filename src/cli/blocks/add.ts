import type { Command } from 'commander';
import { blockView } from '../../api/block-view.ts';
import type { AllowEntry, ManualBlock, Refusal, Standing } from '../../blocklist/block-review.ts';
import { type Host, settingsCommand } from '../command-line.ts';
import { exitCodes } from '../failure.ts';
import {
  type Answer,
  actOf,
  answering,
  type EndFlags,
  endOf,
  type ListSession,
  withEnd,
  withNote,
  writeSettings,
} from '../list-session.ts';
import { countText, untilText } from '../time-text.ts';
import { actionPhrase, allowText, allowView, subjectText } from './block-text.ts';
import { actionFrom, subjectFrom, subjectHelp, subjectWords } from './subjects.ts';

interface Flags extends EndFlags {
  readonly note?: string;
  readonly tenant?: string;
  readonly limitTo?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const refusedText = (reason: Refusal, by: AllowEntry, nowMs: number): string =>
  reason === 'canary' ? `declared good: ${allowText(by, nowMs)}` : `on the allow list: ${allowText(by, nowMs)}`;

/** How many addresses a subject stands for, in words; '' for a client. */
const sizeText = (block: ManualBlock): string => {
  if (block.subject.kind !== 'network') return '';
  const [base = '', length = ''] = block.subject.id.split('/');
  const isV6 = base.includes(':');
  const bits = (isV6 ? 64 : 32) - Number(length);
  const what = isV6 ? 'networks of /64, each of them a client' : 'addresses';
  return bits < 0 ? '' : `: ${(2 ** bits).toLocaleString('en')} ${what}`;
};

interface Foreseen {
  readonly block: ManualBlock;
  readonly standing: Standing;
  readonly nowMs: number;
}

const foreseenText = ({ block, standing, nowMs }: Foreseen): string => {
  const { entries, allowed, identities, tombstoneUntilMs } = standing;
  const behind = identities === null ? '' : countText(identities, 'authenticated identity', 'authenticated identities');
  return [
    `would block ${subjectText(block.subject)}${sizeText(block)}, until ${untilText(block.untilMs, nowMs)}`,
    allowed.length === 0
      ? 'nobody is on the allow list in it'
      : `refused: ${countText(allowed.length, 'allow entry', 'allow entries')} in it or around it`,
    ...allowed.map((entry) => `  ${allowText(entry, nowMs)}`),
    ...(identities === null
      ? []
      : [`${behind} behind it in the last day${identities > 0 ? ': they would be hit, too' : ''}`]),
    ...entries.map(({ subjectKey, blockId }) => `hit already by ${subjectKey}, block ${blockId}`),
    ...(tombstoneUntilMs === null
      ? []
      : [`lifted by a person; the detector leaves it alone until ${untilText(tombstoneUntilMs, nowMs)}`]),
    'Nothing was changed.',
    '',
  ].join('\n');
};

const foresee = async ({ blockList, nowMs }: ListSession, block: ManualBlock): Promise<Answer> => {
  const standing = await blockList.standing(block.subject);
  const { entries, allowed, identities, tombstoneUntilMs, strikes } = standing;
  return {
    json: {
      dryRun: true,
      subject: block.subject,
      until: new Date(block.untilMs).toISOString(),
      refused: allowed.length > 0,
      allowed: allowed.map(allowView),
      identities,
      entries: entries.map(({ subjectKey, blockId }) => ({ subjectKey, blockId })),
      strikes: strikes.length,
      tombstoneUntil: tombstoneUntilMs === null ? null : new Date(tombstoneUntilMs).toISOString(),
    },
    text: foreseenText({ block, standing, nowMs }),
  };
};

const added = async (session: ListSession, given: string, flags: Flags): Promise<Answer> => {
  const { context, blockList, nowMs, paint } = session;
  const subject = subjectFrom(given, flags.tenant);
  const action = actionFrom(flags.limitTo);
  const untilMs = endOf(flags, { nowMs });
  const act = actOf(context, flags.note);
  const wanted: ManualBlock = { ...act, subject, action, untilMs };
  if (flags.dryRun === true) return foresee(session, wanted);
  const result = await blockList.add(wanted);
  if (result.kind === 'refused') {
    const why = refusedText(result.reason, result.by, nowMs);
    return {
      json: { added: false, reason: result.reason, by: allowView(result.by) },
      text: '',
      notes: [
        `${subjectText(subject)} was not blocked. It, or somebody in it, is ${why}`,
        `Ask its owner, or end the entry: tidegate blocks disallow ${subjectWords(result.by.subject)} --note …`,
      ],
      exitCode: exitCodes.failed,
    };
  }
  const { block } = result;
  return {
    json: { added: true, block: blockView(block) },
    text:
      `${subjectText(block.subject)} ${actionPhrase(block.action)} until ${untilText(block.expiresAtMs, nowMs)}: ` +
      `block ${paint.strong(block.id)}\nBack again: tidegate blocks lift ${block.id} --reason goodwill --note …\n`,
  };
};

/** `tidegate blocks add`. */
export const addBlockCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'add',
    summary: 'Block a client, an address or a network by hand',
    settings: writeSettings,
    help: `
${subjectHelp} Wider than /8, or /16 of IPv6, is refused.
What the same subject was blocked by before is superseded. Who is on the allow list cannot be blocked: its entry is named.
Exit codes: 0 blocked (or told what would be), 1 refused by the allow list, 2 it cannot be done as it was asked for.

Examples:
  $ tidegate blocks add 203.0.113.9 --for 2h --note 'scrapes the catalogue, ticket 815'
  $ tidegate blocks add 203.0.113.0/24 --for 30m --note 'spray' --dry-run     who would be hit
  $ tidegate blocks add user:alice --tenant acme --until 2026-03-01T09:00:00Z --note 'leaked key'
  $ tidegate blocks add 198.51.100.7 --limit-to 60/1m --for 1d --note 'an office with one noisy machine'`,
  })
    .argument('<subject>', 'who')
    .option('--tenant <name>', 'within this tenant alone')
    .option('--limit-to <requests/window>', 'let through so many, such as 60/1m, instead of refusing')
    .option('--dry-run', 'say who would be hit, and change nothing')
    .option('--json', 'print the answer as one line');
  withNote(withEnd(command, 'how long'));
  return command.action((given: string, flags: Flags) =>
    answering({ command, host, json: flags.json === true }, (session) => added(session, given, flags)),
  );
};
