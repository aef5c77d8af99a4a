import { useState } from 'preact/hooks';

const prefix = 'tidegate.draft.';

/**
 * A text that somebody is typing, kept in this tab under a name: it survives the dialog it is typed in, a new sign-in and
 * a reload. Clear it when it has been sent.
 */
export const useDraft = (
  name: string,
  initial = '',
): [text: string, set: (text: string) => void, clear: () => void] => {
  const key = prefix + name;
  const [text, setText] = useState(() => sessionStorage.getItem(key) ?? initial);
  const set = (next: string): void => {
    setText(next);
    if (next === initial) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, next);
  };
  return [text, set, () => set(initial)];
};
