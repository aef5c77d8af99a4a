import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Batch } from '../app/api-types.ts';
import { Dialog } from '../app/dialog.tsx';
import { useDraft } from '../app/draft.ts';
import { number, plural } from '../app/format.ts';
import { StateChip } from '../app/parts.tsx';
import { type Failure, failureOf, Problem, Unreachable } from '../app/problem.ts';
import { limitOf, session } from '../app/session.ts';
import { toast } from '../app/toasts.tsx';
import { endOf, TermField } from '../app/until.tsx';
import { Visible } from '../app/visible.tsx';
import { LimitChoice, NoteField } from './act-form.tsx';
import { type Intent, intents, limitChoices } from './acts.ts';
import { BatchResult, useBatch } from './batch-result.tsx';
import { type BulkAct, type BulkOrder, type BulkTarget, isAtWork, orderOf, preview, run, undoBatch } from './bulk.ts';
import type { BulkPreview } from './types.ts';

/** What can be done to many, in the order in which it is offered. */
const choices = ['confirm', 'activate', 'false-positive', 'goodwill', 'extend', 'downgrade', 'assign'] as const;
export type BulkIntent = (typeof choices)[number];
export const isBulkIntent = (intent: Intent): intent is BulkIntent => intent !== 'comment';

const nouns: Readonly<Record<BulkIntent, string>> = {
  confirm: 'Confirm',
  activate: 'Activate',
  'false-positive': 'Lift as false positive',
  goodwill: 'Lift as goodwill',
  extend: 'Change the end',
  downgrade: 'Limit, or refuse again',
  assign: 'Assign to me',
};

interface Fields {
  readonly intent: BulkIntent;
  readonly note: string;
  readonly endMs: number;
  readonly limit: number;
}

const actOf = ({ intent, note, endMs, limit }: Fields): BulkAct => {
  const because = note === '' ? {} : { note };
  if (intent === 'false-positive' || intent === 'goodwill') return { act: 'lift', reason: intent, ...because };
  if (intent === 'extend') return { act: 'extend', until: endOf(endMs), ...because };
  if (intent === 'downgrade')
    return { act: 'downgrade', action: limitChoices[limit] ?? { kind: 'refuse' }, ...because };
  if (intent === 'assign') return { act: 'assign', assignee: session.peek()?.name ?? null, ...because };
  return { act: intent, ...because };
};

const failureText = (failure: Failure): string =>
  failure instanceof Problem
    ? failure.message
    : 'The API does not answer. What you typed is kept: try again when it is back.';

/** Sends it again as it was while it is not known whether it was done. */
const isUnsure = (failure: Failure): boolean => failure instanceof Unreachable || failure.status >= 500;

const Sample = ({ shown }: { readonly shown: BulkPreview }) => {
  const { count, isExact, sample, refusedCount, refused } = shown;
  return (
    <section class="preview" aria-label="Preview" role="status">
      <p>
        <b>
          {isExact ? '' : 'More than '}
          {plural(count, 'block')}
        </b>
        {refusedCount > 0 ? `, of which it does not work for ${number(refusedCount)}` : ''}.
      </p>
      <ul class="sample">
        {sample.slice(0, 8).map((block) => (
          <li key={block.id}>
            <code>
              <Visible text={block.subject.id} most={60} />
            </code>{' '}
            <StateChip state={block.state} />
            <span class="quiet small">{refused.find(({ id }) => id === block.id)?.reason ?? ''}</span>
          </li>
        ))}
      </ul>
      {count > Math.min(8, sample.length) ? (
        <p class="quiet small">and {number(count - Math.min(8, sample.length))} more</p>
      ) : null}
    </section>
  );
};

const whyNotThese = ({ needs, isExact, count, refusedCount }: BulkPreview, role: string): string | null => {
  const ranks = ['viewer', 'reviewer', 'lead', 'admin'];
  if (!isExact) return 'Nobody may change so many at once: say more of which are meant.';
  if (count === refusedCount) return 'It works for none of them.';
  if (needs === null) return 'No role may do all of this.';
  return ranks.indexOf(needs) > ranks.indexOf(role)
    ? `So many at once need the role ${needs}; you have ${role}.`
    : null;
};

const undoNote = 'Taken back right after it was done';

const useUndo =
  (setBatch: (batch: Batch) => void, onFailure: (failure: Failure) => void) => async (batchId: string) => {
    try {
      const batch = await undoBatch(batchId, undoNote);
      setBatch(batch);
      toast({ text: `Taken back: ${plural(batch.undo?.done ?? 0, 'block')}` });
    } catch (error) {
      onFailure(failureOf(error));
      toast({ tone: 'bad', text: `Not taken back. ${failureText(failureOf(error))}` });
    }
  };

const Outcome = ({ given, onClose }: { readonly given: Batch; readonly onClose: () => void }) => {
  const [batch, setBatch] = useBatch(given);
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const undo = useUndo(setBatch, setFailure);
  const takeBack = async (): Promise<void> => {
    setBusy(true);
    await undo(batch.batchId);
    setBusy(false);
  };
  return (
    <>
      <BatchResult batch={batch} />
      {failure === null ? null : (
        <p class="form-failure" role="alert">
          {failureText(failure)}
        </p>
      )}
      <div class="buttons">
        {batch.state === 'done' || batch.state === 'interrupted' ? (
          <button type="button" aria-busy={isBusy} onClick={takeBack}>
            {isBusy ? 'Taking back…' : 'Undo all of it'}
          </button>
        ) : null}
        <button type="button" class="primary" autofocus onClick={onClose}>
          {isAtWork(batch) ? 'Close: it goes on' : 'Close'}
        </button>
      </div>
    </>
  );
};

interface FormProps {
  readonly target: BulkTarget;
  readonly intent: BulkIntent;
  readonly onDone: (batch: Batch) => void;
  readonly onClose: () => void;
}

/** Asks first, then does: the second press of Enter is about what the first one showed. */
const useSteps = (target: BulkTarget, fields: Fields, onDone: (batch: Batch) => void) => {
  const [shown, setShown] = useState<{ readonly of: string; readonly preview: BulkPreview } | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  const unsure = useRef<{ readonly of: string; readonly order: BulkOrder } | null>(null);
  const of = JSON.stringify([target, fields]);
  const step = async (work: () => Promise<void>): Promise<void> => {
    if (isBusy) return;
    setBusy(true);
    setFailure(null);
    await work().catch((error: unknown) => setFailure(failureOf(error)));
    setBusy(false);
  };
  const look = (): Promise<void> => step(async () => setShown({ of, preview: await preview(target, actOf(fields)) }));
  const act = (count: number): Promise<void> =>
    step(async () => {
      const order = unsure.current?.of === of ? unsure.current.order : orderOf(target, actOf(fields), count);
      try {
        onDone(await run(order));
      } catch (error) {
        const is = isUnsure(failureOf(error));
        unsure.current = is ? { of, order } : null;
        if (!is) setShown(null);
        throw error;
      }
    });
  return { preview: shown?.of === of ? shown.preview : null, failure, isBusy, look, act };
};

const IntentChoice = ({
  id,
  value,
  onChange,
}: {
  id: string;
  value: BulkIntent;
  onChange: (intent: BulkIntent) => void;
}) => (
  <div>
    <label for={id}>What to do</label>
    <select
      id={id}
      value={value}
      onChange={(event) => onChange(choices.find((each) => each === event.currentTarget.value) ?? 'confirm')}
    >
      {choices.map((choice) => (
        <option key={choice} value={choice}>
          {nouns[choice]}
        </option>
      ))}
    </select>
  </div>
);

const Form = ({ target, intent: first, onDone, onClose }: FormProps) => {
  const id = useId();
  const [intent, setIntent] = useState(first);
  const [note, setNote, clear] = useDraft('note.bulk');
  const [endMs, setEndMs] = useState(86_400_000);
  const [limit, setLimit] = useState(1);
  const go = useRef<HTMLButtonElement>(null);
  const fields = { intent, note: note.trim(), endMs, limit };
  const steps = useSteps(target, fields, (batch) => {
    clear();
    onDone(batch);
  });
  const isMissing = intents[intent].needsNote && fields.note === '';
  const denied = steps.preview === null ? null : whyNotThese(steps.preview, session.value?.role ?? '');
  // The one thing that is left to do has the focus.
  useLayoutEffect(() => {
    if (steps.preview !== null && denied === null) go.current?.focus();
  }, [steps.preview, denied]);
  const submit = (): void => {
    if (isMissing || denied !== null) return;
    void (steps.preview === null ? steps.look() : steps.act(steps.preview.count));
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div class="fields">
        <IntentChoice id={`${id}-act`} value={intent} onChange={setIntent} />
        {intent === 'extend' ? (
          <TermField label="Ends from now in" value={endMs} onChange={setEndMs} mostMs={limitOf('blockMs')} />
        ) : null}
        {intent === 'downgrade' ? (
          <LimitChoice id={`${id}-limit`} value={limit} current={null} onChange={setLimit} />
        ) : null}
      </div>
      <NoteField
        id={id}
        label={intents[intent].needsNote ? 'Why?' : 'Note, if you like'}
        note={note}
        reasons={intents[intent].reasons}
        isInvalid={false}
        onNote={setNote}
        onSend={submit}
        onClose={onClose}
      />
      {steps.preview === null ? null : <Sample shown={steps.preview} />}
      {denied === null ? null : <p class="form-failure">{denied}</p>}
      {steps.failure === null ? null : (
        <p class="form-failure" role="alert">
          {failureText(steps.failure)}
        </p>
      )}
      <div class="buttons">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button
          ref={go}
          type="submit"
          class={steps.preview === null ? 'primary' : 'danger'}
          aria-disabled={isMissing || denied !== null}
          aria-busy={steps.isBusy}
        >
          {steps.preview === null ? 'Preview' : `${nouns[intent]}: ${plural(steps.preview.count, 'block')}`}
        </button>
      </div>
    </form>
  );
};

export interface BulkDialogProps {
  readonly target: BulkTarget;
  readonly intent: BulkIntent;
  /** It is done, or goes on by itself. */
  readonly onDone: () => void;
  readonly onClose: () => void;
}

const whatText = (target: BulkTarget): string =>
  target.kind === 'ids' ? plural(target.ids.length, 'selected block') : 'All blocks that match';

/** One change to many blocks: what it would come to, then doing it, how far it is, and taking it back. */
export const BulkDialog = ({ target, intent, onDone, onClose }: BulkDialogProps) => {
  const [batch, setBatch] = useState<Batch | null>(null);
  const undo = useUndo(
    () => undefined,
    () => undefined,
  );
  const done = (made: Batch): void => {
    onDone();
    // What went through as a whole needs no further look: the notice offers to take it back.
    if (isAtWork(made) || made.failedCount > 0) {
      setBatch(made);
      return;
    }
    onClose();
    const action = { label: 'Undo', run: () => void undo(made.batchId) };
    toast({ text: `Done to ${plural(made.done, 'block')}: ${nouns[intent].toLowerCase()}`, action });
  };
  return (
    <Dialog title={batch === null ? whatText(target) : 'What became of it'} size="wide" onClose={onClose}>
      {batch === null ? (
        <Form target={target} intent={intent} onDone={done} onClose={onClose} />
      ) : (
        <Outcome given={batch} onClose={onClose} />
      )}
    </Dialog>
  );
};
