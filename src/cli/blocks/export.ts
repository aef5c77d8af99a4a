import { once } from 'node:events';
import { type Command, Option } from 'commander';
import type { BlockEntry } from '../../blocklist/block-feed.ts';
import { subjectFromKey, subjectKeyOf } from '../../client.ts';
import { type Host, settingsCommand } from '../command-line.ts';
import { type Answer, answering, type ListSession, listSettings } from '../list-session.ts';
import { countText, instantText } from '../time-text.ts';
import { listNameFrom } from './import.ts';
import { subjectOfLine } from './list-file.ts';
import { eachEntryPage, listBlockId } from './list-state.ts';

const formats = ['lines', 'jsonl'] as const;

interface Flags {
  readonly format: (typeof formats)[number];
  readonly list?: string;
  readonly rule?: string;
}

const readBack = (line: string): string => {
  const subject = subjectOfLine(line);
  return subject === null ? '' : subjectKeyOf(subject);
};

/**
 * As `import` reads it: addresses and networks bare, everybody else by kind. Null: it would read somebody else, because an
 * id looks as if a comment began in it or ends in a space.
 */
const lineFor = ({ subjectKey }: Pick<BlockEntry, 'subjectKey'>): string | null => {
  const bare = subjectKey.replace(/^(?:ip|network):/, '');
  return [bare, subjectKey].find((line) => readBack(line) === subjectKey) ?? null;
};

const jsonOf = ({ subjectKey, blockId, rule, action, expiresAtMs }: BlockEntry): string =>
  JSON.stringify({ subject: subjectFromKey(subjectKey), blockId, rule, action, expiresAt: instantText(expiresAtMs) });

const exported = async ({ blockList, host }: ListSession, { format, list, rule }: Flags): Promise<Answer> => {
  const blockId = list === undefined ? null : listBlockId(listNameFrom(list));
  const lineOf = format === 'jsonl' ? jsonOf : lineFor;
  let count = 0;
  let leftOut = 0;
  await eachEntryPage(blockList, async (entries) => {
    const chosen = entries.filter(
      (entry) => (blockId === null || entry.blockId === blockId) && (rule === undefined || entry.rule === rule),
    );
    const lines = chosen.flatMap((entry) => lineOf(entry) ?? []);
    count += lines.length;
    leftOut += chosen.length - lines.length;
    const text = lines.map((line) => `${line}\n`).join('');
    if (text !== '' && !host.stdout.write(text)) await once(host.stdout, 'drain');
  });
  const left = `${countText(leftOut, 'entry', 'entries')} left out, which a line cannot name: --format jsonl has them`;
  return { json: null, text: '', notes: [countText(count, 'entry', 'entries'), ...(leftOut > 0 ? [left] : [])] };
};

/** `tidegate blocks export`. */
export const exportListCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'export',
    summary: 'Print all that gates enforce now',
    settings: listSettings,
    help: `
Lines can be imported again. An entry that changes while it is read may come twice, or as it was before.

Examples:
  $ tidegate blocks export > blocked.txt
  $ tidegate blocks export --list drop --format jsonl | jq -r .subject.id`,
  })
    .addOption(new Option('--format <format>', 'lines, or an object a line').choices(formats).default('lines'))
    .option('--list <name>', 'of one imported list')
    .option('--rule <name>', 'of one rule; manual: made by people');
  return command.action((flags: Flags) =>
    answering({ command, host, json: false }, (session) => exported(session, flags)),
  );
};
