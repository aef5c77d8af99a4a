import type { Command } from 'commander';
import type { BlockList } from '../blocklist/block-list.ts';
import type { Act } from '../blocklist/block-review.ts';
import { longestMs } from '../blocklist/checks.ts';
import { parseDurationMs } from '../duration.ts';
import { TidegateError } from '../errors.ts';
import { actorOf } from './client-subject.ts';
import { contextOf, type Host } from './command-line.ts';
import type { Context } from './context.ts';
import { type Counters, checkEngineUrls, openCounters, schemeOf } from './engines.ts';
import { openingAll } from './opened.ts';
import { type Paint, paintFor } from './paint.ts';
import type { SettingName } from './settings.ts';
import { plainText } from './time-text.ts';

/** Settings of every command that asks or changes the block list. */
export const listSettings: readonly SettingName[] = ['redisUrl', 'namespace', 'logLevel'];
/** Of those that change it. */
export const writeSettings: readonly SettingName[] = [...listSettings, 'actor'];

/** What a command over the block list works with. */
export interface ListSession {
  readonly context: Context;
  readonly host: Host;
  readonly counters: Counters;
  readonly blockList: BlockList;
  readonly nowMs: number;
  readonly paint: Paint;
}

/** What a command says: one of both forms, and to people beside it. */
export interface Answer {
  readonly json: unknown;
  readonly text: string;
  /** To stderr, in both forms. */
  readonly notes?: readonly string[];
  readonly exitCode?: number;
}

const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** @throws TidegateError CONFIG_INVALID where the list lives inside another process. */
const requireReachable = (url: string): void => {
  if (schemeOf(url) !== 'memory:') return;
  throw new TidegateError('CONFIG_INVALID', 'There is no Redis of the gates to ask', {
    problems: [
      {
        path: 'redisUrl',
        message:
          'memory: lives inside the process that runs; name the Redis of the gates (--redis-url), or look into its console',
      },
    ],
  });
};

export interface AnsweringOptions {
  readonly command: Command;
  readonly host: Host;
  readonly json: boolean;
}

/** Opens the block list, has the question answered, prints, closes. */
export const answering = async (
  { command, host, json }: AnsweringOptions,
  work: (session: ListSession) => Promise<Answer>,
): Promise<void> => {
  const context = await contextOf(command, host);
  const { config, clock, logger, redact } = context;
  checkEngineUrls({ redisUrl: config.redisUrl });
  requireReachable(config.redisUrl);
  await openingAll(async (opened) => {
    const options = { ...config, clock, logger, time: 'wall' } as const;
    const counters = opened.add(await openCounters(options), (closing) => closing.close());
    const paint = await paintFor(host.stdout);
    const { blockList } = counters;
    const answer = await work({ context, host, counters, blockList, nowMs: clock.nowMs(), paint });
    if (json) host.stdout.write(`${JSON.stringify(answer.json)}\n`);
    else if (answer.text !== '') host.stdout.write(redact(answer.text));
    for (const note of answer.notes ?? []) host.stderr.write(redact(`${note}\n`));
    if (answer.exitCode !== undefined) process.exitCode = answer.exitCode;
    await opened.close();
  });
};

const maxActorLength = 64;
const maxNoteLength = 2000;

/** Who is at the keyboard: `--actor`, TIDEGATE_ACTOR, or the user of this process. @throws TidegateError INPUT_INVALID. */
export const personOf = ({ config }: Context): string => {
  const actor = plainText(actorOf(config.actor ?? undefined));
  if (actor === '' || actor.length > maxActorLength) {
    throw new TidegateError('INPUT_INVALID', `--actor must be 1 to ${maxActorLength} characters`);
  }
  // What the detector did is told apart from what people did by this name alone.
  if (actor === 'detector') throw new TidegateError('INPUT_INVALID', '--actor detector is the name of no person');
  return actor;
};

/** Who does it and why. @throws TidegateError INPUT_INVALID. */
export const actOf = (context: Context, note: string | undefined): Act => {
  const why = plainText(note ?? '');
  if (why === '') throw new TidegateError('INPUT_INVALID', '--note is missing: say why, for whoever looks at it later');
  if (why.length > maxNoteLength) {
    throw new TidegateError('INPUT_INVALID', `--note must be at most ${maxNoteLength} characters`);
  }
  return { actor: personOf(context), note: why };
};

export interface EndFlags {
  readonly for?: string;
  readonly until?: string;
}

export interface EndTerms {
  readonly nowMs: number;
  /** Without one, an end has to be given. */
  readonly defaultMs?: number;
  readonly maxMs?: number;
}

const endsAtMs = ({ for: span, until }: EndFlags, { nowMs, defaultMs }: EndTerms): number => {
  if (span !== undefined && until !== undefined) {
    throw new TidegateError('INPUT_INVALID', '--for and --until are two ways to say one thing: give one');
  }
  if (until !== undefined) {
    // Without a zone, the same text would be another instant on another machine.
    const isZoned = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})$/i.test(until);
    const atMs = isZoned ? Date.parse(until) : Number.NaN;
    if (Number.isNaN(atMs)) {
      throw new TidegateError(
        'INPUT_INVALID',
        '--until must be an instant with its zone, such as 2026-03-01T09:30:00Z',
      );
    }
    if (atMs <= nowMs) throw new TidegateError('INPUT_INVALID', `--until ${until} is over`);
    return atMs;
  }
  const ms = span === undefined ? (defaultMs ?? null) : parseDurationMs(span);
  if (ms === null && span === undefined) {
    throw new TidegateError('INPUT_INVALID', 'An end is missing: --for 2h, or --until 2026-03-01T09:30:00Z');
  }
  if (ms === null || ms < 1000) {
    throw new TidegateError('INPUT_INVALID', '--for must be a duration of at least 1s, such as 30m, 2h or 7d');
  }
  return nowMs + ms;
};

/** When it ends. @throws TidegateError INPUT_INVALID: none is given, it is over, or too far away. */
export const endOf = (flags: EndFlags, terms: EndTerms): number => {
  const untilMs = endsAtMs(flags, terms);
  const maxMs = terms.maxMs ?? longestMs;
  if (untilMs <= terms.nowMs + maxMs) return untilMs;
  const most = maxMs > dayMs ? `${maxMs / dayMs} days` : `${maxMs / hourMs} hours`;
  throw new TidegateError('INPUT_INVALID', `It must end within ${most}: whoever still needs it then says so again`);
};

/** `--for` and `--until` of a command. */
export const withEnd = (command: Command, what: string): Command =>
  command
    .option('--for <duration>', `${what}, such as 30m, 2h or 7d`)
    .option('--until <instant>', 'the same as an instant, such as 2026-03-01T09:30:00Z');

export const withNote = (command: Command): Command =>
  command.option('--note <text>', 'why; kept with it, and in the audit (required)');
