import { type Command, Option } from 'commander';
import { type PromotionMode, promotionModes } from '../../blocklist/block-promoter.ts';
import { allRules } from '../../blocklist/budget.ts';
import { readRuleFile } from '../../detect/rule-file.ts';
import { TidegateError } from '../../errors.ts';
import { type Host, settingsCommand } from '../command-line.ts';
import { exitCodes } from '../failure.ts';
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
import { shippedFiles } from '../settings.ts';
import { untilText } from '../time-text.ts';

interface Flags extends EndFlags {
  readonly mode?: PromotionMode;
  readonly end?: boolean;
  readonly note?: string;
  readonly json?: boolean;
}

/** The file of this machine may be another than the detectors': worth a word, no more. */
const unknownRule = async ({ context }: ListSession, rule: string): Promise<string[]> => {
  const file = context.config.rulesFile ?? shippedFiles.rules;
  const { rules } = await readRuleFile(file);
  if (rules.some(({ name }) => name === rule)) return [];
  const known = rules.map(({ name }) => name).join(', ');
  return [`${file} has no rule ${rule} (it has ${known}): a detector whose file has one obeys.`];
};

const overridden = async (session: ListSession, rule: string, flags: Flags): Promise<Answer> => {
  const { context, blockList, nowMs } = session;
  const { mode } = flags;
  if (mode === undefined) throw new TidegateError('INPUT_INVALID', '--mode is missing, or --end to end an override');
  const untilMs = endOf(flags, { nowMs });
  const act = actOf(context, flags.note);
  const notes = await unknownRule(session, rule);
  await blockList.override({ ...act, rule, mode, untilMs });
  return {
    json: { rule, mode, until: new Date(untilMs).toISOString() },
    text: `${rule} does at most ${mode} in every detector until ${untilText(untilMs, nowMs)}. Blocks in force stay.\n`,
    notes,
  };
};

const ended = async ({ context, blockList }: ListSession, rule: string, flags: Flags): Promise<Answer> => {
  if (flags.mode !== undefined || flags.for !== undefined || flags.until !== undefined) {
    throw new TidegateError('INPUT_INVALID', '--end ends an override: it takes --note, and nothing else');
  }
  const was = await blockList.endOverride(rule, actOf(context, flags.note));
  if (was) return { json: { rule, ended: true }, text: `${rule} has the mode of its file again.\n` };
  return { json: { rule, ended: false }, text: '', notes: [`${rule} has no override.`], exitCode: exitCodes.failed };
};

/** `tidegate rules override`. */
export const rulesOverrideCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'override',
    summary: 'Cap what a rule may do in every detector, for a while',
    settings: [...writeSettings, 'rulesFile'],
    help: `
From the next verdict on, without a restart. It only takes away: above the mode of the file it changes nothing.
off: nothing at all. shadow: recorded, nobody is blocked. review: proposed to people. Blocks in force stay: lift them.
Exit codes: 0 done, 1 there was no override to end, 2 it cannot be done as it was asked for.

Examples:
  $ tidegate rules override many-routes --mode shadow --for 1h --note 'bad deploy'
  $ tidegate rules override many-routes --end --note 'fixed'`,
  })
    .argument('<rule>', 'its name')
    .addOption(new Option('--mode <mode>', 'the most that it may do').choices(promotionModes))
    .option('--end', 'back to the mode of the file')
    .option('--json', 'print it as one line');
  withNote(withEnd(command, 'how long'));
  return command.action((rule: string, flags: Flags) =>
    answering({ command, host, json: flags.json === true }, (session) =>
      flags.end === true ? ended(session, rule, flags) : overridden(session, rule, flags),
    ),
  );
};

const reset = async ({ context, blockList }: ListSession, rule: string, flags: Flags): Promise<Answer> => {
  const was = await blockList.resetBreaker(rule, actOf(context, flags.note));
  const name = rule === allRules ? 'the breaker of all rules' : `the breaker of ${rule}`;
  if (was) {
    return {
      json: { rule, reset: true },
      text: `${name} is half-open: it blocks again within its budget, and is closed after an hour without going over.\nWhat was proposed meanwhile still waits: tidegate blocks list --state proposed\n`,
    };
  }
  return { json: { rule, reset: false }, text: '', notes: [`${name} is not open.`], exitCode: exitCodes.failed };
};

/** `tidegate rules reset`. */
export const rulesResetCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'reset',
    summary: 'Let a rule block again that went over its budget',
    settings: writeSettings,
    help: `
RULE is a rule's name, or '*' for the budget of all rules together. Look at what is proposed first.
Exit codes: 0 done, 1 the breaker was not open, 2 it cannot be done as it was asked for.

Examples:
  $ tidegate blocks list --state proposed
  $ tidegate rules reset many-routes --note 'a real attack: the proposals hold'`,
  })
    .argument('<rule>', "its name, or '*'")
    .option('--json', 'print {"rule", "reset"} as one line');
  withNote(command);
  return command.action((rule: string, flags: Flags) =>
    answering({ command, host, json: flags.json === true }, (session) => reset(session, rule, flags)),
  );
};
