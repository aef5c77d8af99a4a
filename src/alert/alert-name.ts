/** `throttle-spike` → `TidegateThrottleSpike`: how Prometheus and Alertmanager call an alert. */
export const prometheusNameOf = (id: string): string =>
  `Tidegate${id
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')}`;
