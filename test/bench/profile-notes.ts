const flushing =
  'With so many clients hardly two decisions share a row, so nearly each one is also encoded and sent: that is the largest part of its time, ahead of the limit itself.';

/** What a profile says of a result, by its name: where the time goes, and why an aim is missed. */
export const profileNotes: Readonly<Record<string, string>> = {
  'memory-100k-keys': `${flushing} The limiter beside it records nothing. What is left is a look-up each for the counter and the row, which are in no cache with 100,000 clients.`,
  'blocked-client':
    'Blocked decisions merge well; time goes to the clock (read three times), the look-up of the client and that of the row. The limiter beside it does one look-up and records nothing.',
  'redis-512-in-flight': `Spends of one turn share a call. ${flushing} The rest goes to a hash for the key of each counter, to promises and timers for the deadline, and to the client library.`,
  'redis-64-in-flight-p99':
    'The slowest hundredth are those that meet a flush: rows are encoded within one turn of the event loop, so what comes meanwhile waits.',
  'redis-1-in-flight-p50':
    'A lone request pays the larger script, the hash of its key, the deadline and its event, and shares none of it.',
  'redis-ceiling':
    'The distance is what the gate does beside Redis, in the same thread: above all events, then keys and promises.',
  'match-100k-policies':
    'With 100,000 policies the nodes that a path leads to are in no cache: the same steps take longer, not more of them.',
};
