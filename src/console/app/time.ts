/** Now, on this machine's clock, in ms since 1970. */
// biome-ignore lint/complexity/useDateNow: the page has a clock of its own, and keeps to the rule of the others' names
export const nowMs = (): number => new Date().getTime();

/** Runs it once, later; the answer takes it back. */
export const after = (ms: number, run: () => void): (() => void) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};
