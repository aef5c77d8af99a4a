import { effect, signal } from '@preact/signals';

const storedAt = 'tidegate.theme';
export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const stored = (): Theme => themes.find((each) => each === localStorage.getItem(storedAt)) ?? 'system';

/** What the person chose; `system`: what the machine prefers. */
export const theme = signal<Theme>('system');

const prefersDark = matchMedia('(prefers-color-scheme: dark)');
const machineIsDark = signal(prefersDark.matches);

/** Whether the page is dark now: for charts, which draw their colours themselves. */
export const isDark = (): boolean => (theme.value === 'system' ? machineIsDark.value : theme.value === 'dark');

export const chooseTheme = (chosen: Theme): void => {
  theme.value = chosen;
  localStorage.setItem(storedAt, chosen);
};

export const startTheme = (): void => {
  theme.value = stored();
  prefersDark.addEventListener('change', ({ matches }) => {
    machineIsDark.value = matches;
  });
  effect(() => {
    document.documentElement.dataset['theme'] = isDark() ? 'dark' : 'light';
  });
};
