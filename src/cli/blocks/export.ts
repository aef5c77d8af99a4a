import { once } from 'node:events';
import { type Command, Option } from 'commander';
import type { BlockEntry } from '../../blocklist/block-feed.ts';
import { subjectFromKey } from '../../client.ts';
import { type Host, settingsCommand } from '../command-line.ts';
import { type Answer, answering, type ListSession, listSettings } from '../list-session.ts';
import { countText, instantText, plainText } from '../time-text.ts';
import { listNameFrom } from './import.ts';
import { eachEntryPage, listBlockId } from './list-state.ts';

const formats = ['lines', 'jsonl'] as const;

interface Flags {
  readonly format: (typeof formats)[number];
  readonly list?: string;
  readonly rule?: string;
}

/** As `import` reads it: addresses and networks bare, everybody else by kind. */
const bareText = (subjectKey: string): string => {
  const subject = subjectFromKey(subjectKey);
  const isBare =
    subject !== null && subject.tenant === undefined && (subject.kind === 'ip' || subject.kind === 'network');
  return plainText(isBare ? subject.id : subjectKey);
};

const jsonOf = ({ subjectKey, blockId, rule, action, expiresAtMs }: BlockEntry): string =>
  JSON.stringify({ subject: subjectFromKey(subjectKey), blockId, rule, action, expiresAt: instantText(expiresAtMs) });

const exported = async ({ blockList, host }: ListSession, { format, list, rule }: Flags): Promise<Answer> => {
  const blockId = list === undefined ? null : listBlockId(listNameFrom(list));
  const lineOf = format === 'jsonl' ? jsonOf : ({ subjectKey }: BlockEntry) => bareText(subjectKey);
  let count = 0;
  await eachEntryPage(blockList, async (entries) => {
    const chosen = entries.filter(
      (entry) => (blockId === null || entry.blockId === blockId) && (rule === undefined || entry.rule === rule),
    );
    count += chosen.length;
    const text = chosen.map((entry) => `${lineOf(entry)}\n`).join('');
    if (text !== '' && !host.stdout.write(text)) await once(host.stdout, 'drain');
  });
  return { json: null, text: '', notes: [countText(count, 'entry', 'entries')] };
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
