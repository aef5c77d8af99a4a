import type { Command } from 'commander';
import { blockView } from '../../api/block-view.ts';
import { TidegateError } from '../../errors.ts';
import { columns } from '../columns.ts';
import { type Host, settingsCommand } from '../command-line.ts';
import { type Answer, answering, type ListSession, listSettings } from '../list-session.ts';
import { blockRows } from './block-text.ts';

const shown = async ({ blockList, nowMs, paint }: ListSession, id: string): Promise<Answer> => {
  const block = await blockList.get(id);
  if (!block) throw new TidegateError('BLOCK_NOT_FOUND', `There is no block ${id}`);
  const [refusals] = await blockList.refusals([id]);
  const rows = blockRows(block, refusals, nowMs).map(([name = '', value = '']) => [paint.faint(name), value]);
  return {
    json: blockView(block, refusals),
    text: `${paint.strong(id)}\n${columns(rows)}`,
  };
};

/** `tidegate blocks show`. */
export const showBlockCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'show',
    summary: 'Show one block: evidence, history, what it refused',
    settings: listSettings,
    help: `
Example:
  $ tidegate blocks show b-5f0c6e1c9a3d`,
  })
    .argument('<id>', 'of the block, as `blocks list` shows it')
    .option('--json', 'print it as one line');
  return command.action((id: string, flags: { json?: boolean }) =>
    answering({ command, host, json: flags.json === true }, (session) => shown(session, id)),
  );
};
