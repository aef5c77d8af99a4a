import type { Command } from 'commander';
import { blockView } from '../../api/block-view.ts';
import { type Block, type BlockState, blockStates } from '../../blocklist/block.ts';
import type { BlockList } from '../../blocklist/block-list.ts';
import { subjectKeyOf } from '../../client.ts';
import { TidegateError } from '../../errors.ts';
import { type Host, settingsCommand } from '../command-line.ts';
import { type Answer, answering, type ListSession, listSettings } from '../list-session.ts';
import { countText } from '../time-text.ts';
import { blockTable } from './block-text.ts';
import { refusalsOf, subjectFrom, subjectHelp } from './subjects.ts';

interface Flags {
  readonly state?: string;
  readonly rule?: string;
  readonly subject?: string;
  readonly tenant?: string;
  readonly limit: string;
  readonly json?: boolean;
}

const usualStates: readonly BlockState[] = ['active', 'confirmed', 'proposed'];

/** `active,lifted`, or `all`. @throws TidegateError INPUT_INVALID. */
export const statesFrom = (text: string | undefined): readonly BlockState[] => {
  if (text === undefined) return usualStates;
  if (text === 'all') return blockStates;
  return text.split(',').map((name) => {
    const state = blockStates.find((known) => known === name.trim());
    if (state) return state;
    throw new TidegateError('INPUT_INVALID', `--state must be all, or some of ${blockStates.join(', ')}`);
  });
};

const maxBlocks = 100_000;

const limitFrom = (text: string): number => {
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= maxBlocks) return limit;
  throw new TidegateError('INPUT_INVALID', `--limit must be a whole number from 1 to ${maxBlocks}`);
};

export interface Wanted {
  readonly states: readonly BlockState[];
  readonly rule?: string;
  readonly subjectKey?: string;
  readonly limit: number;
}

const pageSize = 500;

/** As many as are wanted, page by page, newest first; and whether there are more. */
export const collectBlocks = async (
  blockList: BlockList,
  { limit, ...query }: Wanted,
): Promise<{ blocks: Block[]; more: boolean }> => {
  const blocks: Block[] = [];
  let cursor: string | null = null;
  do {
    const page = await blockList.list({
      ...query,
      limit: Math.min(pageSize, limit - blocks.length),
      ...(cursor === null ? {} : { cursor }),
    });
    blocks.push(...page.blocks);
    cursor = page.nextCursor;
  } while (cursor !== null && blocks.length < limit);
  return { blocks, more: cursor !== null };
};

const listed = async ({ blockList, nowMs, paint }: ListSession, flags: Flags): Promise<Answer> => {
  const { rule, subject, tenant } = flags;
  const { blocks, more } = await collectBlocks(blockList, {
    states: statesFrom(flags.state),
    limit: limitFrom(flags.limit),
    ...(rule === undefined ? {} : { rule }),
    ...(subject === undefined ? {} : { subjectKey: subjectKeyOf(subjectFrom(subject, tenant)) }),
  });
  const refusals = await refusalsOf(
    blockList,
    blocks.map(({ id }) => id),
  );
  const json = {
    blocks: blocks.map((block) => blockView(block, refusals.get(block.id))),
    more,
  };
  const isAny = flags.state === undefined && rule === undefined && subject === undefined;
  const none = isAny ? 'Nobody is blocked, and no block waits for a person.\n' : 'No such block.\n';
  const text = blocks.length === 0 ? none : blockTable(blocks, refusals, { nowMs, paint });
  const notes = more ? [`${countText(blocks.length, 'block')} shown, and there are more: --limit`] : [];
  return { json, text, notes };
};

/** `tidegate blocks list`. */
export const listBlocksCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'list',
    summary: 'List blocks, newest first, and what they refused',
    settings: listSettings,
    help: `
Without --state: active, confirmed and proposed. shadow: what a rule in shadow would have blocked.
${subjectHelp}

Examples:
  $ tidegate blocks list
  $ tidegate blocks list --state proposed                  what waits for a person
  $ tidegate blocks list --state all --subject 203.0.113.9 the history of one address
  $ tidegate blocks list --json --limit 1000 | jq '.blocks[] | select(.refusals == null) | .id'`,
  })
    .option('--state <states>', `all, or some of ${blockStates.join(', ')}, separated by commas`)
    .option('--rule <name>', 'of one rule; manual: made by people')
    .option('--subject <subject>', 'of one subject')
    .option('--tenant <name>', 'the tenant of --subject')
    .option('--limit <count>', 'at most so many', '100')
    .option('--json', 'print {"blocks", "more"} as one line');
  return command.action((flags: Flags) =>
    answering({ command, host, json: flags.json === true }, (session) => listed(session, flags)),
  );
};
