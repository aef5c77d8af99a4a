import type { Command } from 'commander';
import type { AllowEntry } from '../../blocklist/block-review.ts';
import { columns } from '../columns.ts';
import { type Host, settingsCommand } from '../command-line.ts';
import { exitCodes } from '../failure.ts';
import {
  type Answer,
  actOf,
  answering,
  type EndFlags,
  endOf,
  type ListSession,
  listSettings,
  withEnd,
  withNote,
  writeSettings,
} from '../list-session.ts';
import { leftText, plainText, untilText } from '../time-text.ts';
import { allowView, subjectText } from './block-text.ts';
import { subjectFrom, subjectHelp } from './subjects.ts';

interface Flags extends EndFlags {
  readonly note?: string;
  readonly tenant?: string;
  readonly canary?: boolean;
  readonly json?: boolean;
}

const allowed = async (session: ListSession, given: string, flags: Flags): Promise<Answer> => {
  const { context, blockList, nowMs } = session;
  const subject = subjectFrom(given, flags.tenant);
  const untilMs = endOf(flags, { nowMs });
  const kind = flags.canary === true ? 'canary' : 'allow';
  const entry: AllowEntry = { ...actOf(context, flags.note), subject, kind, untilMs };
  await blockList.allow(entry);
  const means = kind === 'canary' ? 'a block that would hit it is refused, and told' : 'no block hits it';
  return { json: allowView(entry), text: `${subjectText(subject)}: ${means}, until ${untilText(untilMs, nowMs)}\n` };
};

const disallowed = async (session: ListSession, given: string, flags: Flags): Promise<Answer> => {
  const subject = subjectFrom(given, flags.tenant);
  const was = await session.blockList.disallow(subject, actOf(session.context, flags.note));
  if (was) return { json: { ended: true, subject }, text: `${subjectText(subject)} can be blocked again.\n` };
  return {
    json: { ended: false, subject },
    text: '',
    notes: [`${subjectText(subject)} is not on the allow list: tidegate blocks allowed`],
    exitCode: exitCodes.failed,
  };
};

const listed = async ({ blockList, nowMs, paint }: ListSession): Promise<Answer> => {
  const entries = await blockList.allowEntries();
  const rows = entries.map((entry) => [
    subjectText(entry.subject),
    entry.kind,
    leftText(entry.untilMs, nowMs),
    plainText(entry.actor),
    plainText(entry.note),
  ]);
  const head = ['subject', 'kind', 'ends', 'owner', 'note'].map(paint.faint);
  return {
    json: { entries: entries.map(allowView) },
    text: rows.length === 0 ? 'Nobody is on the allow list.\n' : columns([head, ...rows]),
  };
};

const allowCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'allow',
    summary: 'Put somebody on the allow list: no block hits them until it ends',
    settings: writeSettings,
    help: `
At once: a block in force of exactly this subject is lifted, and gates exempt it from those of wider networks.
--canary: declared good, such as your own monitors and payment hooks. A candidate that would hit one is refused and told.
${subjectHelp}

Examples:
  $ tidegate blocks allow 192.0.2.10 --canary --for 90d --note 'uptime monitor, owned by ops'
  $ tidegate blocks allow 198.51.100.0/24 --for 30d --note 'partner office, contract 4711'`,
  })
    .argument('<subject>', 'who')
    .option('--tenant <name>', 'within this tenant alone')
    .option('--canary', 'whatever would hit it is wrong')
    .option('--json', 'print the entry as one line');
  withNote(withEnd(command, 'how long'));
  return command.action((given: string, flags: Flags) =>
    answering({ command, host, json: flags.json === true }, (session) => allowed(session, given, flags)),
  );
};

const disallowCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'disallow',
    summary: 'Take somebody off the allow list',
    settings: writeSettings,
    help: `
Exit codes: 0 done, 1 there was no such entry, 2 it cannot be done as it was asked for.

Example:
  $ tidegate blocks disallow 198.51.100.0/24 --note 'the contract has ended'`,
  })
    .argument('<subject>', 'who, as `blocks allowed` shows it')
    .option('--tenant <name>', 'of the entry')
    .option('--json', 'print {"ended"} as one line');
  withNote(command);
  return command.action((given: string, flags: Flags) =>
    answering({ command, host, json: flags.json === true }, (session) => disallowed(session, given, flags)),
  );
};

const allowedCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'allowed',
    summary: 'Show the allow list, soonest end first',
    settings: listSettings,
    help: `
Example:
  $ tidegate blocks allowed`,
  }).option('--json', 'print {"entries"} as one line');
  return command.action((flags: Flags) => answering({ command, host, json: flags.json === true }, listed));
};

/** `tidegate blocks allow`, `disallow`, `allowed`. */
export const allowCommands = (host: Host): Command[] => [
  allowCommand(host),
  disallowCommand(host),
  allowedCommand(host),
];
