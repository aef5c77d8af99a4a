import { Command, Option } from 'commander';
import { type Switched, type Switches, switched } from '../blocklist/block-switches.ts';
import { TidegateError } from '../errors.ts';
import { columns } from './columns.ts';
import { type Host, settingsCommand } from './command-line.ts';
import {
  type Answer,
  actOf,
  answering,
  dayMs,
  type EndFlags,
  endOf,
  type ListSession,
  listSettings,
  withEnd,
  withNote,
  writeSettings,
} from './list-session.ts';
import { countText, plainText, untilText } from './time-text.ts';

interface Flags extends EndFlags {
  readonly what?: Switched;
  readonly note?: string;
  readonly json?: boolean;
}

const hourMs = 3_600_000;
/** Gates ask for changes several times a second. */
const followedMs = 1000;

const effect: Readonly<Record<Switched, string>> = {
  blocks: 'nobody is refused by the block list; limits go on',
  limits: 'no request is counted or denied; blocks go on',
};

export const switchesView = (switches: Switches, nowMs: number): object =>
  Object.fromEntries(
    switched.map((what) => {
      const off = switches[what];
      const isOff = off !== null && off.untilMs > nowMs;
      return [
        what,
        isOff
          ? { off: true, until: new Date(off.untilMs).toISOString(), by: off.actor, note: off.note }
          : { off: false },
      ];
    }),
  );

const statusText = (switches: Switches, { nowMs, paint }: Pick<ListSession, 'nowMs' | 'paint'>): string =>
  columns(
    switched.map((what) => {
      const off = switches[what];
      if (off === null || off.untilMs <= nowMs) return [what, paint.good('on')];
      const who = `by ${plainText(off.actor)}: ${plainText(off.note)}`;
      return [what, paint.bad('OFF'), `until ${untilText(off.untilMs, nowMs)}, ${who}`];
    }),
  );

/** Says that it is under way, waits until every gate has had the time, and counts them. */
const followed = async ({ context, counters, host }: ListSession, isJson: boolean): Promise<string> => {
  if (!isJson) host.stderr.write('told; gates follow within a second …\n');
  await context.clock.sleep(followedMs);
  const gates = await counters.liveGates();
  if (gates === 0) return 'No gate is alive: it holds for whoever starts.';
  return `${countText(gates, 'live gate')}: in force in every one that reaches Redis, nothing more to wait for.`;
};

const panicOn = async (session: ListSession, flags: Flags): Promise<Answer> => {
  const { context, blockList, nowMs } = session;
  const { what } = flags;
  if (what === undefined) throw missingWhat();
  const untilMs = endOf(flags, { nowMs, defaultMs: hourMs, maxMs: dayMs });
  const act = actOf(context, flags.note);
  const switches = await blockList.setSwitch(what, { ...act, untilMs }, act);
  const notes = [await followed(session, flags.json === true)];
  return {
    json: switchesView(switches, nowMs),
    text: `${what} are switched OFF everywhere until ${untilText(untilMs, nowMs)}: ${effect[what]}.\n`,
    notes: [...notes, `Back on before that: tidegate panic off --what ${what} --note …`],
  };
};

const missingWhat = () => new TidegateError('INPUT_INVALID', '--what is missing: blocks or limits');

const panicOff = async (session: ListSession, flags: Flags): Promise<Answer> => {
  const { context, blockList, nowMs, paint } = session;
  const act = actOf(context, flags.note);
  const before = await blockList.switches();
  const ended = (flags.what === undefined ? switched : [flags.what]).filter((what) => before[what] !== null);
  let switches = before;
  for (const what of ended) switches = await blockList.setSwitch(what, null, act);
  const notes = ended.length === 0 ? ['Nothing was switched off.'] : [await followed(session, flags.json === true)];
  return { json: switchesView(switches, nowMs), text: statusText(switches, { nowMs, paint }), notes };
};

const panicStatus = async (session: ListSession): Promise<Answer> => {
  const { blockList, counters, nowMs } = session;
  const [switches, gates] = await Promise.all([blockList.switches(), counters.liveGates()]);
  const text = `${statusText(switches, session)}${countText(gates, 'live gate')}\n`;
  return { json: { ...switchesView(switches, nowMs), liveGates: gates }, text };
};

const whatOption = (meaning: string): Option => new Option('--what <what>', meaning).choices(switched);

const onCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'on',
    summary: 'Panic: switch blocks or limits off in every gate',
    settings: writeSettings,
    help: `
Without --for and --until it lasts an hour, at most 24: it ends by itself, also where Redis is away by then.
blocks: ${effect.blocks}. What was blocked is refused again when it ends.
limits: ${effect.limits}. Nothing is evidence meanwhile.

Example:
  $ tidegate panic on --what blocks --for 30m --note 'incident 4711: customers are refused'`,
  }).addOption(whatOption('what is switched off (required)'));
  withNote(withEnd(command, 'how long, at most 24h'));
  command.option('--json', 'print how it is then as one line');
  return command.action((flags: Flags) =>
    answering({ command, host, json: flags.json === true }, (session) => panicOn(session, flags)),
  );
};

const offCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'off',
    summary: 'End the panic: blocks and limits are on again in every gate',
    settings: writeSettings,
    help: `
Example:
  $ tidegate panic off --note 'incident 4711 is over'`,
  }).addOption(whatOption('what is switched on again (default: both)'));
  withNote(command).option('--json', 'print how it is then as one line');
  return command.action((flags: Flags) =>
    answering({ command, host, json: flags.json === true }, (session) => panicOff(session, flags)),
  );
};

const statusCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'status',
    summary: 'Say what is switched off, until when, by whom and why',
    settings: listSettings,
    help: `
Example:
  $ tidegate panic status --json | jq .blocks.off`,
  }).option('--json', 'print {"blocks", "limits", "liveGates"} as one line');
  return command.action((flags: Flags) => answering({ command, host, json: flags.json === true }, panicStatus));
};

const help = `
The kill switch, for when all of it is wrong and there is no time for single blocks or rules. It ends by itself, and the
audit says who and why. One rule alone: tidegate rules override RULE --mode shadow.

Examples:
  $ tidegate panic on --what blocks --for 30m --note 'incident 4711'
  $ tidegate panic status
  $ tidegate panic off --note 'over'`;

/** `tidegate panic`. */
export const panicCommand = (host: Host): Command =>
  new Command('panic')
    .description('Switch blocks or limits off in every gate, and on again.')
    .helpOption('-h, --help', 'this text')
    .addHelpText('after', help)
    .addCommand(onCommand(host))
    .addCommand(offCommand(host))
    .addCommand(statusCommand(host));
