const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** `5m`: what Prometheus and Grafana call it, in the largest unit that fits. At least a second; 0 is `0s`. */
export const durationOf = (ms: number): string => {
  const [unit, size] = units.find(([, unitMs]) => ms >= unitMs && ms % unitMs === 0) ?? ['s', 1000];
  return `${ms / size}${unit}`;
};
