/** What a profile says of a result, by its name, and what is only supposed; results without a profile say so. */
export const profileNotes: Readonly<Record<string, string>> = {
  'memory-100k-keys':
    'Profiled: at this rate nearly every decision starts a row of its own. Starting a row and writing its line take some 2 us of the 5; joining kind and id of the client and looking the text up takes 0.6 us, reading clocks four times 0.4 us, and the rest is spread over the objects that a decision is made of, none of them above 6 %. The limiter beside it records nothing.',
  'lease-hot-key':
    'Profiled: the lease itself takes about 50 ns of a decision of 1.2 to 1.5 us. A quarter goes to merging the event (the key of its row leads), a quarter to the verdict and its limits, a fifth to understanding and finishing the request, a tenth to reading clocks three times. The limiter beside it increments a number in a map and resolves a promise, 0.3 us.',
  'blocked-client':
    'Profiled: looking the client up in the block list leads with a sixth, of which most is joining and hashing its key; merging the event takes an eighth, understanding the request a twelfth, reading clocks a tenth. The limiter beside it records nothing.',
  'redis-512-in-flight':
    'Profiled while other work ran: writing rows takes 15 % and merging them 5 %, garbage collection 14 %, the write to the socket 11 %, building the call 8 %, looking out for hot keys 5 %; matching and deciding 16 %. Redis itself spends 5 us per decision beside 7 to 8 for the limiter beside it: the process is what is full. That one records nothing.',
  'redis-64-in-flight-p99':
    'Rows are written in stretches of half a millisecond since a whole buffer at once was found to hold decisions up. What remains is not explained. Runs of the same code gave ratios from 0.4 to 0.9.',
  'redis-1-in-flight-p50':
    'Profiled: half of the time is the write to the socket on both sides. The script takes 15 us of Redis beside 9 for the one beside it, which reads no clock and knows one limit; the process takes twice the CPU per decision, spread over batching, deadline, saving of calls and events.',
  'redis-ceiling': 'Not profiled by itself; see redis-512-in-flight.',
  'four-limits':
    'Not profiled by itself. Three of the four keys are named once per call, whatever the number of requests.',
  'fastify-http':
    'Profiled: the hook with its decision takes about 5 us of 43 us of CPU per request; socket writes to Redis in small batches, and writing rows, are most of what the one beside it does not do. Runs of the same code gave ratios from 0.5 to 1.0; Redis is given less than half the work.',
  'match-100k-policies':
    'Time on this machine varies with what else runs: alone 1.4 to 2.0 us of CPU per match were measured, beside other work 2.4 to 11. Misses of the cache lead.',
  'distinct-decisions':
    'Profiled: encoding takes more than twice as long as recording; garbage collection is a fifth of all. Within them nothing leads by much: looking up the row, reading it again, copying frames.',
  'gate-events-overhead':
    'Profiled on a busy machine: of what events add, looking up kind and row of a decision is two thirds, mostly waiting for memory; making the record is a tenth, writing rows and frames a fifth. How many decisions share a row depends on how many the machine takes in a quarter of a second: a slow one has more rows to write for each.',
  'emit-decisions': 'Not profiled.',
  'cpu-per-million':
    'Inserts cost ClickHouse several milliseconds of CPU each, whatever their size, for every table that is derived from the rows: blocks of a few thousand rows cost more than those of fifty thousand.',
  'block-p99':
    'Nearly all of it is waiting: up to 20 ms for the row to be sent, up to 200 ms until each gate asks for changes again, and the slowest of eight counts. The side beside it is told by a message.',
  'lift-p99': 'The longest wait until a gate asks for changes again, 200 ms at default settings, and little else.',
  'lookup-miss':
    'Missed on this machine. With everything in the cache a lookup takes about 100 ns, reading the address included; a quarter of a million clients in turn, in a bare loop, took 150 to 300 ns, by what else used the memory. What is left is waiting for memory, which the Map does longer.',
  'lookup-hit':
    'Missed on this machine. A client that keeps coming is found in about 100 ns, since its entry is kept; one that comes for the first time costs two reads of memory that no cache holds, and an entry that is made: 320 to 460 ns in a bare loop.',
  'detector-rows': 'By processor time, of one core.',
  'merged-decisions': 'Not profiled. The Map beside it neither looks at a dimension but the client nor sends anything.',
};
