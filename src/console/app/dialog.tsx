import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';

export interface DialogProps {
  readonly title: string;
  /** Escape, the cross, or a click beside it. Null: it cannot be closed so. */
  readonly onClose: (() => void) | null;
  readonly children: ComponentChildren;
  /** `wide` for tables. */
  readonly size?: 'narrow' | 'wide';
}

/**
 * A modal dialog: the browser keeps the focus inside, and gives it back. Mount it to open it. Put `autofocus` on the
 * first field; what may lose something belongs into a form in it, with {@link Draft}s for what is typed.
 */
export const Dialog = ({ title, onClose, children, size = 'narrow' }: DialogProps) => {
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useLayoutEffect(() => {
    const dialog = element.current;
    const opener = document.activeElement;
    if (dialog !== null && !dialog.open) dialog.showModal();
    dialog?.querySelector<HTMLElement>('[autofocus]')?.focus();
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={`dialog ${size}`}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
    >
      <header>
        <h2 id={titleId}>{title}</h2>
        {onClose === null ? null : (
          <button type="button" class="icon" aria-label="Close" onClick={onClose}>
            ✕
          </button>
        )}
      </header>
      {children}
    </dialog>
  );
};
