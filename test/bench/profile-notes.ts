/** What a profile says of a result, by its name, and what is only supposed; results without a profile say so. */
export const profileNotes: Readonly<Record<string, string>> = {
  'memory-100k-keys':
    'Profiled: garbage collection and the encoding of events lead, then look-ups of counter and row. A separate count found 0.94 rows per decision here (0.05 with 1,000 clients): hardly any two merge, so nearly each is encoded. In that count 4 % of the decisions had their client folded for lack of room, which is cheaper for ours; a faster machine folds more. The limiter beside it records nothing.',
  'lease-hot-key':
    'Profiled: the lease itself takes about 50 ns of a decision of 1.2 to 1.5 us. A quarter goes to merging the event (the key of its row leads), a quarter to the verdict and its limits, a fifth to understanding and finishing the request, a tenth to reading clocks three times. The limiter beside it increments a number in a map and resolves a promise, 0.3 us.',
  'blocked-client':
    'Profiled before it was made lean: copies of objects led. Not profiled since. The limiter beside it records nothing.',
  'redis-512-in-flight':
    'Profiled once, while other work ran: garbage collection, writing text and the client library lead; encoding of events follows. That profile covers both sides.',
  'redis-64-in-flight-p99':
    'Not explained. Runs of the same code gave ratios from 0.39 to 0.61. Encoding fewer rows per turn of the event loop was tried, showed no gain within that noise and was left out.',
  'redis-1-in-flight-p50': 'Not profiled.',
  'redis-ceiling': 'Not profiled by itself.',
  'four-limits': 'Not profiled.',
  'fastify-http': 'Not profiled. Runs of the same code gave ratios from 0.69 to 0.88.',
  'match-100k-policies':
    'The time in microseconds misses its aim of 2 too. Not profiled since it was made lean; 100,000 policies take more memory than caches hold, which may be the difference.',
  'distinct-decisions':
    'Profiled: encoding takes more than twice as long as recording; garbage collection is a fifth of all. Within them nothing leads by much: looking up the row, reading it again, copying frames.',
  'merged-decisions': 'Not profiled. The Map beside it neither looks at a dimension but the client nor sends anything.',
};
