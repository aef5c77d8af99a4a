import type { ComponentChildren } from 'preact';
import { toast } from './toasts.tsx';

export interface ActionButtonProps {
  readonly onClick: () => void;
  readonly children: ComponentChildren;
  /** Why it cannot be done now, in words; null: it can. The button stays reachable and says so. */
  readonly deniedBy?: string | null;
  /** It is being done. */
  readonly isBusy?: boolean;
  readonly tone?: 'primary' | 'danger' | 'usual' | 'quiet';
  /** Where the words on it do not tell what it acts on. */
  readonly label?: string;
  /** Its shortcut, to be shown on it. */
  readonly keys?: string;
}

/** A button that is not hidden from who may not press it: it says why. */
export const ActionButton = (props: ActionButtonProps) => {
  const { onClick, children, deniedBy = null, isBusy = false, tone = 'usual', label, keys } = props;
  const press = (): void => {
    if (isBusy) return;
    if (deniedBy === null) onClick();
    else toast({ text: deniedBy });
  };
  return (
    <button
      type="button"
      class={`action ${tone}`}
      aria-disabled={deniedBy !== null || isBusy}
      aria-busy={isBusy}
      aria-label={label}
      aria-description={deniedBy ?? undefined}
      title={deniedBy ?? undefined}
      onClick={press}
    >
      {children}
      {keys === undefined ? null : (
        <>
          {' '}
          <kbd>{keys}</kbd>
        </>
      )}
    </button>
  );
};
