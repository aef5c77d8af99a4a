import type { Action, BlockState, BlockView } from '../app/api-types.ts';
import { instant } from '../app/format.ts';
import { actionText } from '../app/parts.tsx';
import { whyNot } from '../app/session.ts';
import { isOpen } from './types.ts';

/** As the API's paths name them. */
export type ActName = 'confirm' | 'activate' | 'lift' | 'extend' | 'downgrade' | 'assign' | 'comment' | 'undo';

/** What a person does to a block: the path and the body of the request. */
export type Act =
  | { readonly name: 'confirm'; readonly body: { readonly note?: string } }
  | { readonly name: 'undo'; readonly body: { readonly note?: string } }
  | { readonly name: 'activate' | 'comment'; readonly body: { readonly note: string } }
  | { readonly name: 'lift'; readonly body: { readonly reason: LiftReason; readonly note: string } }
  | { readonly name: 'extend'; readonly body: { readonly until: string; readonly note: string } }
  | { readonly name: 'downgrade'; readonly body: { readonly action: Action; readonly note: string } }
  | { readonly name: 'assign'; readonly body: { readonly assignee: string | null } };

export type LiftReason = 'false-positive' | 'goodwill';

/** What a person chooses, before its note: lifting is two things. */
export type Intent = 'confirm' | 'activate' | LiftReason | 'extend' | 'downgrade' | 'assign' | 'comment';

export interface IntentFacts {
  readonly label: string;
  /** On a phone, where there is room for a word. */
  readonly short: string;
  readonly key: string;
  readonly act: ActName;
  /** For the list of shortcuts. */
  readonly help: string;
  /** Over the field for the note. */
  readonly question: string;
  /** Reasons that people give again and again. */
  readonly reasons: readonly string[];
  readonly needsNote: boolean;
}

export const intents: Readonly<Record<Intent, IntentFacts>> = {
  confirm: {
    label: 'Confirm',
    short: 'Confirm',
    key: 'c',
    act: 'confirm',
    help: 'Confirm: the block is right',
    question: 'Why is it right?',
    reasons: [],
    needsNote: false,
  },
  activate: {
    label: 'Activate',
    short: 'Activate',
    key: 'p',
    act: 'activate',
    help: 'Approve a proposal: block from now on',
    question: 'Why shall it be blocked?',
    reasons: ['The evidence is clear', 'Known scanner', 'Attack under way'],
    needsNote: true,
  },
  'false-positive': {
    label: 'Lift: false positive',
    short: 'Wrong',
    key: 'l',
    act: 'lift',
    help: 'Lift as false positive: the rule was wrong',
    question: 'Why was the rule wrong?',
    reasons: [
      'Many people behind one address',
      'Our own or a partner’s integration',
      'The limit is too low for this route',
      'Load test or deploy',
    ],
    needsNote: true,
  },
  goodwill: {
    label: 'Lift: goodwill',
    short: 'Goodwill',
    key: 'g',
    act: 'lift',
    help: 'Lift as goodwill: the rule was right, let it go',
    question: 'Why let it go all the same?',
    reasons: ['The customer has fixed it', 'First time, and they were told', 'Agreed with support'],
    needsNote: true,
  },
  extend: {
    label: 'Extend',
    short: 'Extend',
    key: 'e',
    act: 'extend',
    help: 'Change when it ends',
    question: 'Why another end?',
    reasons: ['Still knocking', 'Confirmed attack, keep it out', 'Until the owner answers'],
    needsNote: true,
  },
  downgrade: {
    label: 'Limit',
    short: 'Limit',
    key: 'd',
    act: 'downgrade',
    help: 'Slow down instead of refusing, or back',
    question: 'Why slow it down instead, or refuse it again?',
    reasons: ['People share this address', 'Slow down is enough', 'Not sure yet: watch it'],
    needsNote: true,
  },
  assign: {
    label: 'Assign to me',
    short: 'Take',
    key: 'a',
    act: 'assign',
    help: 'Take it on, or give it back',
    question: 'Why?',
    reasons: [],
    needsNote: false,
  },
  comment: {
    label: 'Comment',
    short: 'Comment',
    key: 'm',
    act: 'comment',
    help: 'Say something about it',
    question: 'What is there to say?',
    reasons: [],
    needsNote: true,
  },
};

const ended: Partial<Record<BlockState, string>> = {
  lifted: 'It is lifted already.',
  expired: 'It has ended by itself.',
  superseded: 'Another block has taken its place.',
  shadow: 'A rule in shadow noted it: nobody is blocked.',
};

/** Why this cannot be done with the block as it is, in words for a button; null: it can. */
export const stateDenies = (intent: Intent, block: BlockView): string | null => {
  if (intent === 'comment') return null;
  if (!isOpen(block)) return ended[block.state] ?? `It is ${block.state}.`;
  if (intent === 'activate' && block.state !== 'proposed') return 'It is in force already.';
  if (intent === 'confirm' && block.state === 'proposed')
    return 'A proposal blocks nobody yet: activate it, or lift it.';
  if (intent === 'confirm' && block.state === 'confirmed') return 'It is confirmed already.';
  const isChange = intent === 'extend' || intent === 'downgrade';
  if (isChange && block.origin === 'list') return 'It stands for a list: import that again.';
  return null;
};

/** The same, and what the role of who is signed in forbids. */
export const deniedBy = (intent: Intent, block: BlockView): string | null =>
  whyNot('reviewer') ?? stateDenies(intent, block);

/** Takes the block off what is due. */
export const isJudging = ({ name }: Act): boolean => name === 'confirm' || name === 'activate' || name === 'lift';

/** The block as it will be when this is done: shown at once. */
export const afterAct = (block: BlockView, act: Act, me: string): BlockView => {
  const next = { ...block, actor: me };
  switch (act.name) {
    case 'confirm':
      return { ...next, state: 'confirmed', label: 'confirmed' };
    case 'activate':
      return { ...next, state: 'active' };
    case 'lift':
      return { ...next, state: 'lifted', label: act.body.reason };
    case 'extend':
      return { ...next, expiresAt: act.body.until };
    case 'downgrade':
      return { ...next, action: act.body.action };
    case 'assign':
      return { ...next, assignee: act.body.assignee ?? '' };
    default:
      return next;
  }
};

/** `Confirmed`, `Lifted as false positive`: what to say when it is done. */
export const doneText = (act: Act, nowMs: number): string => {
  switch (act.name) {
    case 'confirm':
      return 'Confirmed';
    case 'activate':
      return 'Activated';
    case 'lift':
      return act.body.reason === 'goodwill' ? 'Lifted as goodwill' : 'Lifted as false positive';
    case 'extend':
      return `Ends ${instant(act.body.until, nowMs)}`;
    case 'downgrade':
      return act.body.action.kind === 'refuse' ? 'Refused again' : `Now ${actionText(act.body.action)}`;
    case 'assign':
      return act.body.assignee === null ? 'Given back' : `Assigned to ${act.body.assignee}`;
    case 'comment':
      return 'Comment added';
    default:
      return 'Undone';
  }
};

/** Limits that people choose. */
export const limitChoices: readonly Action[] = [
  { kind: 'limit', limit: 10, windowMs: 60_000 },
  { kind: 'limit', limit: 60, windowMs: 60_000 },
  { kind: 'limit', limit: 600, windowMs: 60_000 },
  { kind: 'limit', limit: 600, windowMs: 3_600_000 },
  { kind: 'refuse' },
];
