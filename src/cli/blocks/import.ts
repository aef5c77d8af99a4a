import { createReadStream } from 'node:fs';
import { type Command, Option } from 'commander';
import type { BlockList } from '../../blocklist/block-list.ts';
import type { AllowEntry, ListImport } from '../../blocklist/block-review.ts';
import { type BlockSubject, subjectKeyOf } from '../../client.ts';
import { fileTroubleOf, TidegateError } from '../../errors.ts';
import { type Host, settingsCommand } from '../command-line.ts';
import { adapter } from '../engines.ts';
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
import { countText, numberText, untilText } from '../time-text.ts';
import { allowText, allowView, subjectText } from './block-text.ts';
import { type ListFile, type ListFormat, listFormats, readList } from './list-file.ts';
import { eachEntryPage, listBlockId } from './list-state.ts';
import { actionFrom } from './subjects.ts';

interface Flags extends EndFlags {
  readonly list?: string;
  readonly format: ListFormat;
  readonly minScore?: string;
  readonly note?: string;
  readonly limitTo?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const listPattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export const listNameFrom = (name: string | undefined): string => {
  if (name !== undefined && listPattern.test(name)) return name;
  const message = '--list must name the list: 1 to 64 characters of a-z 0-9 . _ -, not starting with . _ -';
  throw new TidegateError('INPUT_INVALID', message);
};

const minScoreFrom = ({ minScore, format }: Flags): number => {
  if (minScore === undefined) return 1;
  if (format !== 'ipsum') throw new TidegateError('INPUT_INVALID', '--min-score belongs to --format ipsum');
  if (/^\d{1,9}$/.test(minScore)) return Number(minScore);
  throw new TidegateError('INPUT_INVALID', '--min-score must be a whole number');
};

async function* textOf(file: string): AsyncGenerator<string> {
  const stream = file === '-' ? process.stdin : createReadStream(file);
  stream.setEncoding('utf8');
  try {
    for await (const chunk of stream) yield String(chunk);
  } catch (cause) {
    throw new TidegateError('INPUT_INVALID', `${file} cannot be read: ${fileTroubleOf(cause)}`, { cause });
  }
}

/** What was left out, and where it stands. */
export const badLineNotes = (file: string, { badLines, firstBad }: ListFile): string[] => [
  ...firstBad.map(({ number, problem }) => `${file}:${number} ${problem}`),
  ...(badLines > firstBad.length ? [`… and ${numberText(badLines - firstBad.length)} more lines`] : []),
  ...(badLines > 0 ? [`${countText(badLines, 'line')} left out`] : []),
];

/** Where most lines are bad it is another format, and where none is good there is nothing to import. */
const requireList = (file: string, list: ListFile): void => {
  const { subjects, badLines, firstBad } = list;
  const problems = firstBad.map(({ number, problem }) => ({ path: `${file}:${number}`, message: problem }));
  if (subjects.length === 0) {
    const message = `${file} names nobody; to end a list, lift its block`;
    throw new TidegateError('INPUT_INVALID', message, { problems });
  }
  if (badLines > subjects.length) {
    const message = `More lines of ${file} are bad than good: is --format right?`;
    throw new TidegateError('INPUT_INVALID', message, { problems });
  }
};

interface Step {
  total(lines: number): void;
  end(): void;
}

/** What a person sees meanwhile: lines as they are read, then a bar that stands for the writing. */
const progressOf = async (host: Host): Promise<Step & { read: (lines: number) => void }> => {
  if (!host.isTerminal) return { read: () => undefined, total: () => undefined, end: () => undefined };
  const { SingleBar } = await adapter(() => import('cli-progress'));
  const bar = new SingleBar({
    format: '{what} {bar} {value} lines, {duration_formatted}',
    stream: host.stderr,
    fps: 8,
    hideCursor: true,
    barsize: 30,
    gracefulExit: false,
  });
  bar.start(1, 0, { what: 'reading  ' });
  return {
    read: (lines) => {
      bar.setTotal(lines);
      bar.update(lines);
    },
    total: (lines) => {
      bar.setTotal(lines);
      bar.update(lines, { what: 'importing' });
    },
    end: () => bar.stop(),
  };
};

interface Foreseen {
  readonly added: number;
  readonly renewed: number;
  readonly removed: number;
  readonly shadowed: number;
}

/** What the import would do, from what is in force now. */
const compare = async (blockList: BlockList, wanted: ListImport): Promise<Foreseen> => {
  const blockId = listBlockId(wanted.list);
  const keys = new Set(wanted.subjects.map(subjectKeyOf));
  let [renewed, removed, shadowed] = [0, 0, 0];
  await eachEntryPage(blockList, (entries) => {
    for (const entry of entries) {
      const isWanted = keys.has(entry.subjectKey);
      if (entry.blockId !== blockId) shadowed += isWanted ? 1 : 0;
      else if (isWanted) renewed += 1;
      else removed += 1;
    }
  });
  return { added: keys.size - renewed - shadowed, renewed, removed, shadowed };
};

/** Allow entries of subjects in the list itself; those around or inside are found by the import. */
const exemptIn = async (blockList: BlockList, { subjects }: ListImport): Promise<AllowEntry[]> => {
  const keys = new Set(subjects.map(subjectKeyOf));
  return (await blockList.allowEntries()).filter(({ subject }) => keys.has(subjectKeyOf(subject)));
};

/** Each asks Redis once: enough to see what kind of addresses these are. */
const maxAsked = 200;

interface Asked {
  readonly asked: number;
  readonly withIdentities: number;
  /** Whom the import would leave out: a person has lifted a block of theirs, or of the network around them, lately. */
  readonly lifted: readonly BlockSubject[];
}

const askAboutSome = async (blockList: BlockList, { subjects }: ListImport): Promise<Asked> => {
  const some = subjects.slice(0, maxAsked);
  const lifted: BlockSubject[] = [];
  let withIdentities = 0;
  for (const subject of some) {
    const { identities, tombstoneUntilMs } = await blockList.standing(subject);
    if ((identities ?? 0) > 0) withIdentities += 1;
    if (tombstoneUntilMs !== null) lifted.push(subject);
  }
  return { asked: some.length, withIdentities, lifted };
};

const foresee = async ({ blockList, nowMs }: ListSession, wanted: ListImport): Promise<Answer> => {
  const { added, renewed, removed, shadowed } = await compare(blockList, wanted);
  const exempt = await exemptIn(blockList, wanted);
  const { asked, withIdentities, lifted } = await askAboutSome(blockList, wanted);
  const entries = wanted.subjects.length;
  return {
    json: {
      dryRun: true,
      list: wanted.list,
      entries,
      ...{ added, renewed, removed, shadowed },
      exempt: exempt.map(allowView),
      identities: { asked, withSome: withIdentities },
      lifted: { asked, subjects: lifted },
    },
    text: [
      `${countText(entries, 'entry', 'entries')} until ${untilText(wanted.untilMs, nowMs)}: ${numberText(added)} new, ` +
        `${numberText(renewed)} renewed, ${numberText(removed)} would go, ${numberText(shadowed)} blocked by something else already`,
      exempt.length === 0
        ? 'no entry is on the allow list'
        : `${countText(exempt.length, 'entry', 'entries')} on the allow list, left out:`,
      ...exempt.slice(0, 20).map((entry) => `  ${allowText(entry, nowMs)}`),
      ...(lifted.length === 0
        ? []
        : [
            `of the first ${numberText(asked)}, ${numberText(lifted.length)} lifted by a person lately and left out:`,
            ...lifted.slice(0, 20).map((subject) => `  ${subjectText(subject)}`),
          ]),
      `authenticated identities were seen behind ${withIdentities} of the first ${numberText(asked)}${withIdentities > 0 ? ': people use these' : ''}`,
      'Nothing was changed.',
      '',
    ].join('\n'),
  };
};

const imported = async (session: ListSession, file: string, flags: Flags): Promise<Answer> => {
  const { context, host, blockList, nowMs, paint } = session;
  const list = listNameFrom(flags.list);
  const act = actOf(context, flags.note ?? (flags.dryRun === true ? 'dry run' : undefined));
  const terms = { list, action: actionFrom(flags.limitTo), untilMs: endOf(flags, { nowMs }), ...act };
  const progress = await progressOf(host);
  try {
    const options = { format: flags.format, minScore: minScoreFrom(flags), onLines: progress.read };
    const read = await readList(textOf(file), options);
    requireList(file, read);
    progress.total(read.lines);
    const wanted: ListImport = { ...terms, subjects: read.subjects };
    const notes = badLineNotes(file, read);
    const facts = { lines: read.lines, badLines: read.badLines, repeated: read.repeated, below: read.below };
    if (flags.dryRun === true) {
      const foreseen = await foresee(session, wanted);
      return { ...foreseen, json: { ...(foreseen.json as object), ...facts }, notes };
    }
    const result = await blockList.importList(wanted);
    const { blockId, added, renewed, removed, refused, shadowed } = result;
    const text =
      `list ${list}: ${numberText(added)} added, ${numberText(renewed)} renewed, ${numberText(removed)} removed, ` +
      `${numberText(refused)} refused (allow list, or lifted by a person), ${numberText(shadowed)} blocked by something else already; ` +
      `until ${untilText(terms.untilMs, nowMs)}, block ${paint.strong(blockId)}\n`;
    return { json: { list, ...result, ...facts, until: new Date(terms.untilMs).toISOString() }, text, notes };
  } finally {
    progress.end();
  }
};

/** `tidegate blocks import`. */
export const importListCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'import',
    summary: 'Block everybody on a list of addresses and networks',
    settings: writeSettings,
    help: `
A list has a name: what was imported under it before and is not in the file any more goes. Import it again before it ends.
Empty lines, and what follows # or ;, are left out. Bad lines are left out and told; a file with more bad lines than good is refused.
Formats: lines (a subject a line), tsv (the first column), ipsum (address, tab, number of lists: see --min-score).
A line is an address, a network such as 203.0.113.0/24, user:<id> or key:<id>; acme/user:<id> within a tenant. An IPv6 address
stands for its /64, as gates know it. Whom a person has lifted lately, or allowed, is left out.

Examples:
  $ tidegate blocks import drop.txt --list drop --for 24h --note 'nightly feed' --dry-run
  $ curl -s https://example.net/ipsum.txt | tidegate blocks import - --list ipsum --format ipsum --min-score 3 \\
         --for 36h --note 'cron'
  $ tidegate blocks lift l-drop --reason goodwill --note 'feed is stale'      the whole list at once`,
  })
    .argument('<file>', 'the list; - reads the input')
    .option('--list <name>', 'how it is called (required)')
    .addOption(new Option('--format <format>', 'of the file').choices(listFormats).default('lines'))
    .option('--min-score <number>', 'of ipsum: only what is on so many lists')
    .option('--limit-to <requests/window>', 'let through so many of each, such as 60/1m, instead of refusing')
    .option('--dry-run', 'say what would become of it, and change nothing')
    .option('--json', 'print the counts as one line');
  withNote(withEnd(command, 'how long'));
  return command.action((file: string, flags: Flags) =>
    answering({ command, host, json: flags.json === true }, (session) => imported(session, file, flags)),
  );
};
