/** The tables that panels read, with their columns. */
export const tables = {
  throttleRate: {
    name: 'throttle_rate',
    columns: ['minute', 'tenant', 'route', 'region', 'policy', 'decisions', 'allowed', 'denied', 'blocked'],
  },
} as const;
