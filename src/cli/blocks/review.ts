import type { Command } from 'commander';
import { blockView } from '../../api/block-view.ts';
import type { Block } from '../../blocklist/block.ts';
import type { Act, Transition } from '../../blocklist/block-review.ts';
import { TidegateError } from '../../errors.ts';
import { type Host, settingsCommand } from '../command-line.ts';
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
import { untilText } from '../time-text.ts';
import { actionPhrase, subjectText } from './block-text.ts';
import { actionFrom, type BlockLookingOptions, blockIdFrom, subjectHelp } from './subjects.ts';

export interface ReviewFlags extends EndFlags {
  readonly note?: string;
  readonly tenant?: string;
  readonly ifVersion?: string;
  readonly limitTo?: string;
  readonly refuse?: boolean;
  readonly json?: boolean;
}

/** `--if-version`, as an option of a transition. @throws TidegateError INPUT_INVALID. */
export const ifVersionOf = ({ ifVersion }: Pick<ReviewFlags, 'ifVersion'>): { ifVersion?: number } => {
  if (ifVersion === undefined) return {};
  if (/^\d{1,9}$/.test(ifVersion)) return { ifVersion: Number(ifVersion) };
  throw new TidegateError('INPUT_INVALID', '--if-version must be the version that `blocks show` says, such as 3');
};

/** Makes the transition; of one that came too late it says how the block is now. */
export const transitioned = async (
  { blockList }: Pick<ListSession, 'blockList'>,
  id: string,
  transition: Transition,
): Promise<Block> => {
  try {
    return await blockList.transition(id, transition);
  } catch (cause) {
    if (!(cause instanceof TidegateError) || cause.code !== 'BLOCK_CONFLICT') throw cause;
    const block = await blockList.get(id);
    if (!block) throw cause;
    const message = `${id} is ${block.state}, version ${block.version}, last changed by ${block.actor}`;
    throw new TidegateError('BLOCK_CONFLICT', message, { cause });
  }
};

interface Step {
  readonly name: string;
  readonly summary: string;
  readonly help: string;
  readonly states: BlockLookingOptions['states'];
  readonly options: (command: Command) => Command;
  readonly transition: (flags: ReviewFlags, act: Act, nowMs: number) => Transition;
  readonly done: (block: Block, nowMs: number) => string;
}

const inForce = ['active', 'confirmed'] as const;

const steps: readonly Step[] = [
  {
    name: 'confirm',
    summary: 'Say that a block is right; it counts for the precision of its rule',
    help: `
Example:
  $ tidegate blocks confirm b-5f0c6e1c9a3d --note 'credential stuffing, seen in the evidence'`,
    states: ['active'],
    options: (command) => command,
    transition: (_flags, act) => ({ ...act, kind: 'confirm' }),
    done: (block, nowMs) => `is confirmed, and in force until ${untilText(block.expiresAtMs, nowMs)}`,
  },
  {
    name: 'activate',
    summary: 'Put a proposed block into force',
    help: `
Proposed are blocks of rules under review, and those over their budget.

Example:
  $ tidegate blocks list --state proposed
  $ tidegate blocks activate b-5f0c6e1c9a3d --note 'the evidence holds'`,
    states: ['proposed'],
    options: (command) => command,
    transition: (_flags, act) => ({ ...act, kind: 'activate' }),
    done: (block, nowMs) => `${actionPhrase(block.action)} until ${untilText(block.expiresAtMs, nowMs)}`,
  },
  {
    name: 'extend',
    summary: 'Have a block end later than it would, or sooner',
    help: `
--for counts from now.

Example:
  $ tidegate blocks extend b-5f0c6e1c9a3d --for 7d --note 'still at it'`,
    states: inForce,
    options: (command) => withEnd(command, 'how long from now on'),
    transition: (flags, act, nowMs) => ({ ...act, kind: 'extend', untilMs: endOf(flags, { nowMs }) }),
    done: (block, nowMs) => `ends ${untilText(block.expiresAtMs, nowMs)}`,
  },
  {
    name: 'change',
    summary: 'Make a block a limit instead of a refusal, or back',
    help: `
For addresses that people share: the limit holds for all of them together.

Examples:
  $ tidegate blocks change b-5f0c6e1c9a3d --limit-to 60/1m --note 'an office'
  $ tidegate blocks change b-5f0c6e1c9a3d --refuse --note 'no office after all'`,
    states: [...inForce, 'proposed'],
    options: (command) =>
      command
        .option('--limit-to <requests/window>', 'let through so many, such as 60/1m')
        .option('--refuse', 'refuse every request again'),
    transition: ({ limitTo, refuse }, act) => {
      if ((limitTo === undefined) === (refuse !== true)) {
        throw new TidegateError('INPUT_INVALID', 'Say what it becomes: --limit-to 60/1m, or --refuse');
      }
      return { ...act, kind: 'change-action', action: actionFrom(limitTo) };
    },
    done: (block) => actionPhrase(block.action),
  },
];

const made = async (step: Step, { session, given, flags }: Given): Promise<Answer> => {
  const { context, blockList, nowMs, paint } = session;
  const act = actOf(context, flags.note);
  const transition = { ...step.transition(flags, act, nowMs), ...ifVersionOf(flags) };
  const id = await blockIdFrom(given, { blockList, states: step.states, tenant: flags.tenant });
  const block = await transitioned(session, id, transition);
  return {
    json: blockView(block),
    text: `${subjectText(block.subject)} ${step.done(block, nowMs)}: block ${paint.strong(block.id)}, version ${block.version}\n`,
  };
};

interface Given {
  readonly session: ListSession;
  readonly given: string;
  readonly flags: ReviewFlags;
}

const commandOf = (host: Host, step: Step): Command => {
  const command = settingsCommand({
    name: step.name,
    summary: step.summary,
    settings: writeSettings,
    help: `
A block is named by its id, or by its subject: then it is the newest one that this can be done to.
${subjectHelp}
${step.help}`,
  })
    .argument('<block>', 'its id or its subject')
    .option('--tenant <name>', 'of the subject')
    .option('--if-version <number>', 'only while the block has this version: of two people one wins')
    .option('--json', 'print the block as one line');
  withNote(step.options(command));
  return command.action((given: string, flags: ReviewFlags) =>
    answering({ command, host, json: flags.json === true }, (session) => made(step, { session, given, flags })),
  );
};

/** `tidegate blocks confirm`, `activate`, `extend`, `change`. */
export const reviewCommands = (host: Host): Command[] => steps.map((step) => commandOf(host, step));
