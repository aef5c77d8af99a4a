import { signal } from '@preact/signals';

const politely = signal('');

/** Says it to who listens instead of looks, without moving the focus. The same words again are said again. */
export const announce = (text: string): void => {
  politely.value = politely.peek() === text ? `${text}\u00a0` : text;
};

/** Once on the page. */
export const Announcements = () => (
  <div class="visually-hidden" role="status" aria-live="polite">
    {politely.value}
  </div>
);
