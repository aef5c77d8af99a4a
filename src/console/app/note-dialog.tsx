import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import { Dialog } from './dialog.tsx';
import { useDraft } from './draft.ts';
import { type Failure, failureOf, Problem } from './problem.ts';

export const maxNoteLength = 2000;

export interface NoteDialogProps {
  readonly title: string;
  /** `Reset the breaker`. */
  readonly verb: string;
  /** What it is about: what is typed is kept under this name until it has been sent. */
  readonly draft: string;
  readonly tone?: 'primary' | 'danger';
  /** Whether the note may be left out. Default false. */
  readonly isOptional?: boolean;
  /** Further fields and what will happen. */
  readonly children?: ComponentChildren;
  /** Does it; what it throws is shown, and the dialog stays with what was typed. */
  readonly onSubmit: (note: string) => Promise<void>;
  readonly onClose: () => void;
}

const Failed = ({ failure }: { readonly failure: Failure }) => (
  <p class="form-failure" role="alert">
    {failure.message} {failure instanceof Problem ? '' : 'What you typed is kept: try again when it is back.'}
  </p>
);

/** Enter sends and Shift+Enter is a line, as wherever a reason is asked for. */
const sendOnEnter = (event: KeyboardEvent & { readonly currentTarget: HTMLTextAreaElement }): void => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  event.currentTarget.form?.requestSubmit();
};

/** Asks for a reason, and does what it is about. */
export const NoteDialog = (props: NoteDialogProps) => {
  const { title, verb, draft, tone = 'primary', isOptional = false, children, onSubmit, onClose } = props;
  const [note, setNote, clear] = useDraft(`note.${draft}`);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  const id = useId();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setFailure(null);
    try {
      await onSubmit(note.trim());
      clear();
      onClose();
    } catch (error) {
      setFailure(failureOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {children}
        <label for={id}>{isOptional ? 'Note' : 'Reason'}</label>
        <textarea
          id={id}
          autofocus
          required={!isOptional}
          maxLength={maxNoteLength}
          rows={3}
          enterkeyhint="send"
          aria-describedby={`${id}-help`}
          value={note}
          onKeyDown={sendOnEnter}
          onInput={(event) => setNote(event.currentTarget.value)}
        />
        <p id={`${id}-help`} class="quiet small">
          Enter sends, Escape closes; what you type is kept.
        </p>
        {failure === null ? null : <Failed failure={failure} />}
        <div class="buttons">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class={tone} aria-busy={isBusy}>
            {isBusy ? 'Working…' : verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
};
