import { type Signal, signal } from '@preact/signals';
import { announce } from '../app/announce.tsx';
import type { BlockView } from '../app/api-types.ts';
import { type Failure, Problem } from '../app/problem.ts';
import { session } from '../app/session.ts';
import { nowMs } from '../app/time.ts';
import { toast } from '../app/toasts.tsx';
import { type Act, deniedBy, doneText, type Intent, intents, isJudging } from './acts.ts';
import { type Attempt, attemptOf, type Conflict, type Outcome, perform } from './perform.ts';

/** A note that is being written. */
export interface OpenForm {
  readonly blockId: string;
  readonly intent: Intent;
}

export interface DeskParts {
  /** A block was judged: whoever reads on wants the next one. */
  readonly onJudged?: (blockId: string) => void;
  /** What was done to it was taken back. */
  readonly onUndone?: (blockId: string) => void;
}

export interface Desk {
  readonly form: Signal<OpenForm | null>;
  /** The last act that somebody else came before. */
  readonly conflict: Signal<Conflict | null>;
  /** One key or button: does at once what needs no reason, and asks for one otherwise. */
  start(block: BlockView, intent: Intent): void;
  /** Null: done, or somebody else was faster and the conflict is shown. Else what failed, and what to send again. */
  send(attempt: Attempt): Promise<{ readonly failure: Failure; readonly again: Attempt } | null>;
  /** The same where no form shows what failed: a notice does, and offers to try again. */
  insist(attempt: Attempt): Promise<void>;
  /** Takes back the last step of a person. */
  undo(block: BlockView): void;
  closeForm(): void;
}

const openAt = 'tidegate.review.form';

/** A reload keeps what is being written, and that it is. */
const storedForm = (): OpenForm | null => {
  const [blockId = '', intent = ''] = (sessionStorage.getItem(openAt) ?? '').split(' ');
  return blockId !== '' && intent in intents ? { blockId, intent: intent as Intent } : null;
};

const subjectOf = ({ subject }: BlockView): string =>
  subject.id.length > 40 ? `${subject.id.slice(0, 39)}…` : subject.id;

const failureText = (failure: Failure): string =>
  failure instanceof Problem ? failure.message : 'The API does not answer: not known whether it was done.';

const actFor = (block: BlockView, intent: 'confirm' | 'assign'): Act => {
  if (intent === 'confirm') return { name: 'confirm', body: {} };
  const me = session.peek()?.name ?? '';
  return { name: 'assign', body: { assignee: block.assignee === me ? null : me } };
};

const undo = async (block: BlockView, onUndone: DeskParts['onUndone'], key?: string): Promise<void> => {
  const attempt = { ...attemptOf(block, { name: 'undo', body: {} }), ...(key === undefined ? {} : { key }) };
  const outcome = await perform(attempt);
  if (outcome.kind === 'done') {
    toast({ text: `Undone: ${subjectOf(block)} is ${outcome.block.state}` });
    onUndone?.(block.id);
    return;
  }
  if (outcome.kind === 'conflict') {
    const who = outcome.conflict.steps.at(-1)?.actor ?? outcome.conflict.block.actor;
    toast({ tone: 'bad', text: `Not undone: ${who} has changed ${subjectOf(block)} since.` });
    return;
  }
  const again = { label: 'Try again', run: () => void undo(block, onUndone, outcome.again.key) };
  toast({ tone: 'bad', text: `Not undone. ${failureText(outcome.failure)}`, action: again });
};

/** What one page does to blocks. */
export const createDesk = ({ onJudged, onUndone }: DeskParts = {}): Desk => {
  const form = signal<OpenForm | null>(storedForm());
  const conflict = signal<Conflict | null>(null);

  const openForm = (open: OpenForm | null): void => {
    form.value = open;
    if (open === null) sessionStorage.removeItem(openAt);
    else sessionStorage.setItem(openAt, `${open.blockId} ${open.intent}`);
  };

  const tell = (block: BlockView, act: Act): void => {
    const text = `${doneText(act, nowMs())}: ${subjectOf(block)}`;
    if (act.name === 'comment') toast({ text });
    else toast({ text, action: { label: 'Undo', run: () => void undo(block, onUndone) } });
  };

  const settle = (attempt: Attempt, outcome: Outcome): void => {
    if (outcome.kind === 'conflict') {
      conflict.value = outcome.conflict;
      announce('Somebody else was faster. The page shows what they did.');
    }
    if (outcome.kind !== 'done') return;
    if (conflict.peek()?.block.id === attempt.block.id) conflict.value = null;
    tell(outcome.block, attempt.act);
    if (isJudging(attempt.act)) onJudged?.(attempt.block.id);
  };

  const send: Desk['send'] = async (attempt) => {
    const outcome = await perform(attempt);
    settle(attempt, outcome);
    return outcome.kind === 'failed' ? { failure: outcome.failure, again: outcome.again } : null;
  };

  const insist: Desk['insist'] = async (attempt) => {
    const failed = await send(attempt);
    if (failed === null) return;
    const text = `Not done for ${subjectOf(attempt.block)}. ${failureText(failed.failure)}`;
    toast({ tone: 'bad', text, action: { label: 'Try again', run: () => void insist(failed.again) } });
  };

  return {
    form,
    conflict,
    send,
    insist,
    undo: (block) => void undo(block, onUndone),
    closeForm: () => openForm(null),
    start(block, intent) {
      const why = deniedBy(intent, block);
      if (why !== null) toast({ text: why });
      else if (intent === 'confirm' || intent === 'assign') void insist(attemptOf(block, actFor(block, intent)));
      else openForm({ blockId: block.id, intent });
    },
  };
};
