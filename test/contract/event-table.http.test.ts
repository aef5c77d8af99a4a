import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QuestionBounds } from '../../src/clickhouse/bounded-questions.ts';
import { openDatabase } from '../../src/clickhouse/database.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/logger.ts';
import { type ClickHouseHttp, startClickHouseHttp } from '../support/clickhouse-http.ts';
import { describeWith } from '../support/engines.ts';
import { eventTableContract } from './event-table.contract.ts';
import { questionBoundsContract } from './question-bounds.contract.ts';

const password = "s3cret:/@'";

describeWith(
  'chdb',
  '@clickhouse/client over HTTP, against a front of this test over chDB (no ClickHouse server)',
  (url) => {
    let front: ClickHouseHttp;
    const openFront = (to: string, bounds: QuestionBounds = {}) =>
      openDatabase({ url: to, clock: systemClock, logger: silentLogger, rawTtlDays: 0, bounds });
    const address = (): string => front.url.replace(password, encodeURIComponent(password));

    beforeAll(async () => {
      front = await startClickHouseHttp({ folder: url.slice('chdb:'.length), password });
    });
    afterAll(() => front.close());

    // What questions find is asked here, not how fast: a busy machine has time for each.
    eventTableContract('keeps the contract of a decision table', () => openFront(address(), { maxSeconds: 60 }));

    questionBoundsContract('keeps the bounds of questions', (bounds) => openFront(address(), bounds));

    describe('opens only what it can use', () => {
      it('names the server, without credentials, when it refuses them', async () => {
        const wrong = address().replace(encodeURIComponent(password), 'guess');
        const opening = openFront(wrong);
        await expect(opening).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' });
        await expect(opening).rejects.toThrow(/127\.0\.0\.1:\d+\/default does not answer: .*Authentication failed/);
        await expect(opening).rejects.not.toThrow(/guess/);
      });

      it('gives up within seconds on a server that never answers', async () => {
        front.hang = true;
        const startUs = systemClock.monotonicUs();
        await expect(openFront(address())).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' });
        front.hang = false;
        expect(systemClock.monotonicUs() - startUs).toBeLessThan(8_000_000);
      }, 20_000);

      it('gives up at once where nobody listens', async () => {
        await expect(openFront('http://127.0.0.1:1')).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' });
      });

      it('says that a request may be tried again when the server is busy', async () => {
        const database = await openFront(address());
        front.fail = true;
        await expect(database.reader.totals()).rejects.toMatchObject({ code: 'TABLE_FAILED', retryable: true });
        front.fail = false;
        await database.close();
      });
    });
  },
);
