import { describe, expect, it } from 'vitest';
import { type NodeSign, NodeWatch } from '../../../src/redis/node-watch.ts';

const none = '0'.repeat(40);
const node = (name: string, change: Partial<NodeSign> = {}): NodeSign => ({
  address: `${name}:6379`,
  runId: `run-${name}`,
  replicationId: `history-${name}`,
  previousReplicationId: none,
  ...change,
});
const calm = [node('a'), node('b'), node('c')];

const cases: readonly { what: string; next: readonly NodeSign[]; changed: number }[] = [
  { what: 'the same nodes', next: calm, changed: 0 },
  { what: 'the same nodes in another order', next: [...calm].reverse(), changed: 0 },
  { what: 'a node that is away', next: calm.slice(1), changed: 0 },
  { what: 'a node that joined', next: [...calm, node('d')], changed: 0 },
  {
    what: 'a first replica: a new history on the same server',
    next: [node('a', { replicationId: 'other' }), node('b')],
    changed: 0,
  },
  {
    what: 'a replica in the place of its node',
    next: [node('d', { replicationId: 'new', previousReplicationId: 'history-a' }), node('b'), node('c')],
    changed: 1,
  },
  {
    what: 'a node that was restarted',
    next: [node('a', { runId: 'again', replicationId: 'new' }), node('b'), node('c')],
    changed: 1,
  },
  {
    what: 'two at once',
    next: ['a', 'b'].map((name) => node(name, { runId: `again-${name}`, replicationId: `new-${name}` })),
    changed: 2,
  },
  { what: 'a node that may not be asked', next: [node('a', { runId: '', replicationId: '' })], changed: 0 },
];

describe('the watch over the nodes of a cluster', () => {
  it.each(cases)('finds $changed changed in $what', ({ next, changed }) => {
    const watch = new NodeWatch();
    expect(watch.seen(calm)).toBe(0);
    expect(watch.seen(next)).toBe(changed);
    expect(watch.seen(next)).toBe(0);
    expect(watch.seen(next)).toBe(0);
  });

  it('remembers a node that was away for a while', () => {
    const watch = new NodeWatch();
    watch.seen(calm);
    watch.seen(calm.slice(1));
    expect(watch.seen(calm)).toBe(0);
  });

  it('finds a failover and the way back, each once', () => {
    const watch = new NodeWatch();
    watch.seen(calm);
    const promoted = node('d', { replicationId: 'second', previousReplicationId: 'history-a' });
    expect(watch.seen([promoted])).toBe(1);
    const back = node('a', { runId: 'again', replicationId: 'third', previousReplicationId: 'second' });
    expect(watch.seen([back])).toBe(1);
    expect(watch.seen([back])).toBe(0);
  });
});
