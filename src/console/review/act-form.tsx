import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Action, BlockView } from '../app/api-types.ts';
import { useDraft } from '../app/draft.ts';
import { maxNoteLength } from '../app/note-dialog.tsx';
import { actionText } from '../app/parts.tsx';
import { type Failure, Problem } from '../app/problem.ts';
import { limitOf } from '../app/session.ts';
import { endOf, TermField } from '../app/until.tsx';
import { type Act, type Intent, intents, limitChoices } from './acts.ts';
import type { Desk } from './desk.ts';
import { type Attempt, attemptOf } from './perform.ts';

/** What is chosen beside the note. */
interface Choices {
  readonly endMs: number;
  readonly limit: number;
}

const actOf = (intent: Intent, note: string, { endMs, limit }: Choices): Act => {
  switch (intent) {
    case 'false-positive':
    case 'goodwill':
      return { name: 'lift', body: { reason: intent, note } };
    case 'extend':
      return { name: 'extend', body: { until: endOf(endMs), note } };
    case 'downgrade':
      return { name: 'downgrade', body: { action: limitChoices[limit] ?? { kind: 'refuse' }, note } };
    case 'comment':
      return { name: 'comment', body: { note } };
    default:
      return { name: 'activate', body: { note } };
  }
};

export const LimitChoice = ({ id, value, current, onChange }: LimitChoiceProps) => (
  <div>
    <label for={id}>From now on</label>{' '}
    <select id={id} value={value} onChange={(event) => onChange(Number(event.currentTarget.value))}>
      {limitChoices.map((action, index) => (
        <option
          key={actionText(action)}
          value={index}
          disabled={current !== null && actionText(action) === actionText(current)}
        >
          {actionText(action)}
        </option>
      ))}
    </select>
  </div>
);

interface LimitChoiceProps {
  readonly id: string;
  readonly value: number;
  /** As it is: no choice. Null: of several blocks. */
  readonly current: Action | null;
  readonly onChange: (index: number) => void;
}

/** Reasons that people give again and again: one press, or Alt and a digit, writes them. */
export const Reasons = ({
  reasons,
  onPick,
}: {
  readonly reasons: readonly string[];
  readonly onPick: (text: string) => void;
}) =>
  reasons.length === 0 ? null : (
    <fieldset class="reasons">
      <legend class="visually-hidden">Ready-made reasons</legend>
      {reasons.map((reason, index) => (
        <button key={reason} type="button" onClick={() => onPick(reason)}>
          {reason} <kbd>Alt {index + 1}</kbd>
        </button>
      ))}
    </fieldset>
  );

/** A ready-made reason after what is there already. */
export const withReason = (note: string, reason: string): string => {
  if (note.includes(reason)) return note;
  return note.trim() === '' ? reason : `${note.trimEnd()}. ${reason}`;
};

const failureText = (failure: Failure): string => {
  if (!(failure instanceof Problem))
    return 'The API does not answer. What you typed is kept: send it again when it is back.';
  return failure.about('body.note') ?? failure.about('body.until') ?? failure.message;
};

export interface NoteFieldProps {
  readonly id: string;
  readonly label: string;
  readonly note: string;
  readonly reasons: readonly string[];
  readonly isInvalid: boolean;
  readonly describedBy?: string;
  readonly onNote: (note: string) => void;
  readonly onSend: () => void;
  readonly onClose: () => void;
}

/** Enter and Ctrl+Enter send, Shift+Enter is a line, Escape closes and keeps what was typed. */
export const NoteField = (props: NoteFieldProps) => {
  const { id, label, note, reasons, isInvalid, describedBy, onNote, onSend, onClose } = props;
  const field = useRef<HTMLTextAreaElement>(null);
  // `autofocus` does nothing where something has the focus already; a dialog looks for it.
  useLayoutEffect(() => field.current?.focus(), []);
  const onKeyDown = (event: KeyboardEvent): void => {
    const reason = event.altKey ? reasons[Number(/^Digit(\d)$/.exec(event.code)?.[1] ?? 0) - 1] : undefined;
    const sends = event.key === 'Enter' && !event.shiftKey && !event.isComposing;
    if (reason === undefined && !sends && event.key !== 'Escape') return;
    event.preventDefault();
    if (reason !== undefined) onNote(withReason(note, reason));
    else if (sends) onSend();
    else onClose();
  };
  return (
    <>
      <label for={id}>{label}</label>
      <textarea
        id={id}
        ref={field}
        autofocus
        rows={2}
        maxLength={maxNoteLength}
        enterkeyhint="send"
        value={note}
        aria-invalid={isInvalid}
        aria-describedby={describedBy}
        onKeyDown={onKeyDown}
        onInput={(event) => onNote(event.currentTarget.value)}
      />
      <Reasons reasons={reasons} onPick={(reason) => onNote(withReason(note, reason))} />
    </>
  );
};

const useSending = (desk: Desk, onDone: () => void) => {
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  // What was sent and may have been done: sent again as it was as long as nothing else was typed.
  const unsure = useRef<{ readonly typed: string; readonly attempt: Attempt } | null>(null);
  const send = async (typed: string, make: () => Attempt): Promise<void> => {
    if (isBusy) return;
    setBusy(true);
    setFailure(null);
    const attempt = unsure.current?.typed === typed ? unsure.current.attempt : make();
    const failed = await desk.send(attempt).finally(() => setBusy(false));
    if (failed === null) return onDone();
    unsure.current = failed.again.key === attempt.key ? { typed, attempt: failed.again } : null;
    setFailure(failed.failure);
  };
  return { failure, isBusy, send };
};

export interface ActFormProps {
  readonly block: BlockView;
  readonly intent: Intent;
  readonly desk: Desk;
}

const usualLimit = ({ action }: BlockView): number => (action.kind === 'limit' ? limitChoices.length - 1 : 1);

/** Asks for the reason of one act, in place. Give it a key of block and intent. */
export const ActForm = ({ block, intent, desk }: ActFormProps) => {
  const facts = intents[intent];
  const id = useId();
  const [note, setNote, clear] = useDraft(`note.${block.id}.${intent}`);
  const [endMs, setEndMs] = useState(86_400_000);
  const [limit, setLimit] = useState(usualLimit(block));
  const [isMissing, setMissing] = useState(false);
  const { failure, isBusy, send } = useSending(desk, () => {
    clear();
    desk.closeForm();
  });
  const submit = (): void => {
    const text = note.trim();
    setMissing(text === '');
    if (text === '') return;
    void send(JSON.stringify([block.version, text, endMs, limit]), () =>
      attemptOf(block, actOf(intent, text, { endMs, limit })),
    );
  };
  return (
    <form
      class="form act-form"
      aria-label={facts.label}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {intent === 'extend' ? (
        <TermField label="Ends from now in" value={endMs} onChange={setEndMs} mostMs={limitOf('blockMs')} />
      ) : null}
      {intent === 'downgrade' ? (
        <LimitChoice id={`${id}-limit`} value={limit} current={block.action} onChange={setLimit} />
      ) : null}
      <NoteField
        id={id}
        label={facts.question}
        note={note}
        reasons={facts.reasons}
        isInvalid={isMissing || failure !== null}
        describedBy={`${id}-help`}
        onNote={setNote}
        onSend={submit}
        onClose={desk.closeForm}
      />
      <p
        id={`${id}-help`}
        class={isMissing || failure ? 'form-failure' : 'quiet small'}
        role={failure ? 'alert' : undefined}
      >
        {failure === null ? null : failureText(failure)}
        {failure === null && isMissing ? 'Say why: whoever looks at it later wants to know.' : null}
        {failure === null && !isMissing ? 'Enter sends, Escape closes; what you type is kept.' : null}
      </p>
      <div class="buttons">
        <button type="button" onClick={desk.closeForm}>
          Cancel
        </button>
        <button type="submit" class="primary" aria-busy={isBusy}>
          {isBusy ? 'Sending…' : facts.label}
        </button>
      </div>
    </form>
  );
};
