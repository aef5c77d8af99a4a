// Numbers, instants and elements as the status page shows them.

const svgNamespace = 'http://www.w3.org/2000/svg';
const numbers = new Intl.NumberFormat('en');
const times = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
export const shown = (value) => (typeof value === 'number' ? numbers.format(value) : '—');
export const percent = (part, whole) => (whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : '—');
const days = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });
/** The day where it is not today's: an end far away would read as one that is over. */
export const clock = (iso) => {
  const at = new Date(iso);
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? times.format(at) : `${days.format(at)}, ${times.format(at)}`;
};

export const duration = (ms) => {
  if (typeof ms !== 'number') return '—';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
};

/** An element with text or children; a class where one is given. */
export const element = (name, content = [], className = '') => {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  made.append(...[content].flat().map((part) => (part instanceof Node ? part : String(part))));
  return made;
};

export const drawing = (name, attributes) => {
  const made = document.createElementNS(svgNamespace, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
};

export const bytes = (value) => {
  if (typeof value !== 'number') return '—';
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return `${step === 0 ? shown(value) : (value / 1000 ** step).toFixed(1)} ${units[step]}`;
};

export const plural = (value, noun, nouns = `${noun}s`) => `${shown(value)} ${value === 1 ? noun : nouns}`;
