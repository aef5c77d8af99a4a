import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { useShortcuts } from './keys.ts';
import { after } from './time.ts';

export interface ToastAction {
  /** `Undo`. */
  readonly label: string;
  readonly run: () => void;
}

export interface ToastContent {
  readonly text: string;
  /** `bad` stays until it is dismissed, and interrupts who listens. Default `good`. */
  readonly tone?: 'good' | 'bad';
  /** Offered on the toast, and by the key `z` while it is the newest with an action. */
  readonly action?: ToastAction;
  /** Default 6 s, with an action 12 s. */
  readonly forMs?: number;
}

interface Toast extends ToastContent {
  readonly id: number;
}

const maxToasts = 4;
const usualMs = 6000;
const undoMs = 12_000;
const toasts = signal<readonly Toast[]>([]);
let ids = 0;

const dismiss = (id: number): void => {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
};

/** Says in passing what was done, or not. The answer takes it away. */
export const toast = (content: ToastContent): (() => void) => {
  const made: Toast = { ...content, id: ids };
  ids += 1;
  toasts.value = [...toasts.value, made].slice(-maxToasts);
  return () => dismiss(made.id);
};

const perform = ({ id, action }: Toast): void => {
  dismiss(id);
  action?.run();
};

const ToastCard = ({ toast: shown, isNewest }: { readonly toast: Toast; readonly isNewest: boolean }) => {
  const [isHeld, hold] = useState(false);
  const { id, text, tone = 'good', action, forMs = action ? undoMs : usualMs } = shown;
  useEffect(() => {
    if (isHeld || tone === 'bad') return;
    return after(forMs, () => dismiss(id));
  }, [isHeld, id, forMs, tone]);
  return (
    <li
      class={`toast ${tone}`}
      onMouseEnter={() => hold(true)}
      onMouseLeave={() => hold(false)}
      onFocusCapture={() => hold(true)}
      onBlurCapture={() => hold(false)}
    >
      <p role={tone === 'bad' ? 'alert' : 'status'}>{text}</p>
      {action ? (
        <button type="button" class="quiet" onClick={() => perform(shown)}>
          {action.label}
          {isNewest ? (
            <>
              {' '}
              <kbd>z</kbd>
            </>
          ) : null}
        </button>
      ) : null}
      <button type="button" class="icon" aria-label="Dismiss" onClick={() => dismiss(id)}>
        ✕
      </button>
    </li>
  );
};

/** Once on the page. */
export const Toasts = () => {
  const undoable = toasts.value.findLast(({ action }) => action !== undefined);
  useShortcuts(
    undoable
      ? [{ keys: 'z', label: undoable.action?.label ?? 'Undo', group: 'Everywhere', run: () => perform(undoable) }]
      : [],
  );
  return (
    <section class="toasts" aria-label="Notices">
      <ul>
        {toasts.value.map((each) => (
          <ToastCard key={each.id} toast={each} isNewest={each === undoable} />
        ))}
      </ul>
    </section>
  );
};
