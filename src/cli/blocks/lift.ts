import { type Command, Option } from 'commander';
import { blockView } from '../../api/block-view.ts';
import type { Block } from '../../blocklist/block.ts';
import type { Transition } from '../../blocklist/block-review.ts';
import { longestMs } from '../../blocklist/checks.ts';
import { parseDurationMs } from '../../duration.ts';
import { TidegateError } from '../../errors.ts';
import { type Host, settingsCommand } from '../command-line.ts';
import { exitCodes } from '../failure.ts';
import { type Answer, actOf, answering, dayMs, type ListSession, withNote, writeSettings } from '../list-session.ts';
import { agoText, countText, plainText, spanText } from '../time-text.ts';
import { blockTable, subjectText } from './block-text.ts';
import { collectBlocks } from './list.ts';
import { ifVersionOf, transitioned } from './review.ts';
import { blockIdFrom, refusalsOf, subjectHelp } from './subjects.ts';

const reasons = ['false-positive', 'goodwill'] as const;

interface Flags {
  readonly reason?: (typeof reasons)[number];
  readonly note?: string;
  readonly tenant?: string;
  readonly ifVersion?: string;
  readonly rule?: string;
  readonly since?: string;
  readonly tombstone?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

type Lift = Extract<Transition, { kind: 'lift' }>;

const spanOf = (flag: string, text: string): number => {
  const ms = parseDurationMs(text);
  if (ms !== null && ms >= 0 && ms <= longestMs) return ms;
  throw new TidegateError('INPUT_INVALID', `${flag} must be a duration such as 15m, 12h or 7d`);
};

const liftOf = ({ context }: ListSession, flags: Flags): Lift => {
  const { reason, tombstone } = flags;
  if (reason === undefined) {
    throw new TidegateError(
      'INPUT_INVALID',
      '--reason is missing: false-positive (the rule was wrong) or goodwill (it was not)',
    );
  }
  const until = tombstone === undefined ? {} : { tombstoneMs: spanOf('--tombstone', tombstone) };
  return { ...actOf(context, flags.note), kind: 'lift', reason, ...until };
};

const liftOne = async (session: ListSession, given: string, flags: Flags): Promise<Answer> => {
  const { blockList, paint } = session;
  const lift = { ...liftOf(session, flags), ...ifVersionOf(flags) };
  const states = ['active', 'confirmed', 'proposed'] as const;
  const id = await blockIdFrom(given, { blockList, states, tenant: flags.tenant });
  const block = await transitioned(session, id, lift);
  if (block.origin === 'list') {
    const text = `list ${plainText(block.rule)} is lifted: nobody is blocked by ${paint.strong(block.id)} any more, version ${block.version}.\n`;
    return { json: blockView(block), text };
  }
  const kept = lift.reason === 'false-positive' ? '; its strike is taken back' : '; its strike stays';
  // Only what the detector made has one.
  const strike = block.strikes === 0 ? '' : kept;
  return {
    json: blockView(block),
    text:
      `${subjectText(block.subject)} is free again: block ${paint.strong(block.id)} is lifted, version ${block.version}${strike}.\n` +
      `The detector leaves it alone for ${spanText(lift.tombstoneMs ?? dayMs)}.\n`,
  };
};

/** More than that at once is a case for the kill switch. */
const maxBulk = 10_000;
const maxPreviewed = 20;

const chosenOf = async ({ blockList, nowMs }: ListSession, { rule, since }: Flags): Promise<Block[]> => {
  const { blocks, more } = await collectBlocks(blockList, {
    states: ['active', 'confirmed', 'proposed'],
    limit: maxBulk,
    ...(rule === undefined ? {} : { rule }),
  });
  const fromMs = since === undefined ? 0 : nowMs - spanOf('--since', since);
  const chosen = blocks.filter(({ blockedAtMs }) => blockedAtMs >= fromMs);
  // Newest first: what is beyond the last page is older than all that was read.
  if (more && chosen.length === blocks.length) {
    throw new TidegateError('INPUT_INVALID', `More than ${maxBulk} blocks match: narrow them by --since`);
  }
  return chosen;
};

const preview = async ({ blockList, nowMs, paint }: ListSession, chosen: readonly Block[]): Promise<Answer> => {
  const shown = chosen.slice(0, maxPreviewed);
  const refusals = await refusalsOf(
    blockList,
    shown.map(({ id }) => id),
  );
  const hidden = chosen.length - shown.length;
  return {
    json: { lifted: 0, matching: chosen.length, blocks: chosen.map((block) => blockView(block)) },
    text: `${blockTable(shown, refusals, { nowMs, paint })}${hidden > 0 ? `… and ${hidden} more\n` : ''}`,
    notes: [`${countText(chosen.length, 'block')} would be lifted. Nothing was changed: --yes is missing.`],
    exitCode: exitCodes.unusable,
  };
};

const liftMany = async (session: ListSession, flags: Flags): Promise<Answer> => {
  const { host, nowMs } = session;
  const lift = liftOf(session, flags);
  const chosen = await chosenOf(session, flags);
  if (chosen.length === 0) return { json: { lifted: 0, matching: 0, conflicts: [] }, text: 'No such block.\n' };
  if (flags.yes !== true) return preview(session, chosen);
  const conflicts: Block[] = [];
  for (const [index, block] of chosen.entries()) {
    if (host.isTerminal && index % 100 === 0) host.stderr.write(`\rlifting ${index} of ${chosen.length}`);
    try {
      // As it was seen: what somebody has judged meanwhile stays as they left it.
      await session.blockList.transition(block.id, { ...lift, ifVersion: block.version });
    } catch (error) {
      if (!(error instanceof TidegateError) || !error.code.startsWith('BLOCK_')) throw error;
      conflicts.push(block);
    }
  }
  if (host.isTerminal) host.stderr.write('\r\u001b[K');
  const oldest = chosen.at(-1);
  const span = oldest === undefined ? '' : `, the oldest made ${agoText(oldest.blockedAtMs, nowMs)}`;
  return {
    json: {
      lifted: chosen.length - conflicts.length,
      matching: chosen.length,
      conflicts: conflicts.map(({ id }) => id),
    },
    text: `${countText(chosen.length - conflicts.length, 'block')} lifted${span}.\n`,
    notes: conflicts.map(({ id }) => `${id} was changed meanwhile and is left as it is`),
    ...(conflicts.length > 0 ? { exitCode: exitCodes.failed } : {}),
  };
};

const lifted = (session: ListSession, given: string | undefined, flags: Flags): Promise<Answer> => {
  const isBulk = flags.rule !== undefined || flags.since !== undefined;
  if (given !== undefined && isBulk) {
    throw new TidegateError('INPUT_INVALID', 'Name one block, or several by --rule and --since: not both');
  }
  if (given !== undefined) return liftOne(session, given, flags);
  if (isBulk) return liftMany(session, flags);
  throw new TidegateError('INPUT_INVALID', 'Name a block or its subject, or several by --rule and --since');
};

/** `tidegate blocks lift`. */
export const liftBlockCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'lift',
    summary: 'End a block now, and keep the detector from making it again',
    settings: writeSettings,
    help: `
false-positive takes its strike back and counts against the rule; goodwill does neither.
Several at once: --rule, --since or both. Without --yes it shows which, and changes nothing.
${subjectHelp}
Exit codes: 0 lifted, 1 a block was changed meanwhile or is not there, 2 it cannot be done as it was asked for, or --yes is missing.

Examples:
  $ tidegate blocks lift b-5f0c6e1c9a3d --reason false-positive --note 'an office behind one address'
  $ tidegate blocks lift user:alice --reason goodwill --note 'has promised to behave'
  $ tidegate blocks lift --rule many-routes --since 2h --reason false-positive --note 'bad deploy' --yes`,
  })
    .argument('[block]', 'its id or its subject')
    .addOption(new Option('--reason <reason>', 'why').choices(reasons))
    .option('--tenant <name>', 'of the subject')
    .option('--if-version <number>', 'only while the block has this version: of two people one wins')
    .option('--rule <name>', 'all blocks of this rule')
    .option('--since <duration>', 'all blocks made within it, such as 2h')
    .option('--tombstone <duration>', 'how long the detector leaves it alone (default: 24h)')
    .option('--yes', 'lift them')
    .option('--json', 'print the answer as one line');
  withNote(command);
  return command.action((given: string | undefined, flags: Flags) =>
    answering({ command, host, json: flags.json === true }, (session) => lifted(session, given, flags)),
  );
};
