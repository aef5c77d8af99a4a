import { toast } from '../app/toasts.tsx';

/** Where the page is not served securely there is no clipboard: then the old way, through a field. */
const copyByField = (text: string): boolean => {
  const field = document.createElement('textarea');
  field.value = text;
  field.readOnly = true;
  field.className = 'visually-hidden';
  document.body.append(field);
  field.select();
  const isDone = document.execCommand('copy');
  field.remove();
  return isDone;
};

const copy = async (text: string): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyByField(text);
  }
};

/** Puts a text into the clipboard. */
export const CopyButton = ({ text, what }: { readonly text: string; readonly what: string }) => (
  <button
    type="button"
    onClick={async () => {
      const isDone = await copy(text);
      toast(
        isDone
          ? { text: `Copied: ${what}` }
          : { tone: 'bad', text: `This browser copies nothing: mark the ${what} yourself.` },
      );
    }}
  >
    Copy {what}
  </button>
);
