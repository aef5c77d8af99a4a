/** The tables that panels read, with their columns. */
export const tables = {
  decisionsPerMinute: {
    name: 'decisions_per_minute',
    columns: ['minute', 'tenant', 'route', 'region', 'policy', 'outcome', 'decisions'],
  },
} as const;
