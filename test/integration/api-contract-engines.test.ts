import { openDatabase } from '../../src/clickhouse/database.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/logger.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis } from '../../src/redis/client.ts';
import { RedisReviewRecords } from '../../src/redis/review-records.ts';
import { RedisTokenStore } from '../../src/redis/token-store.ts';
import { contractSuite, documentedOperations } from '../support/contract-suite.ts';
import { chdbUrl, describeWith, freshName } from '../support/engines.ts';
import { fullApi, hurried } from '../support/full-api.ts';

const clock = hurried(systemClock);
const operations = await documentedOperations(clock);

describeWith('redis', 'over Redis and ClickHouse', (url) => {
  const opened: (() => unknown)[] = [];
  contractSuite('whatever is sent, the answer is one that the document names', {
    operations,
    open: async () => {
      const redis = await openRedis({ url });
      opened.push(() => redis.disconnect());
      const namespace = freshName('contract');
      const folder = chdbUrl();
      const database =
        folder === null
          ? null
          : await openDatabase({ url: folder, clock, logger: silentLogger, rawTtlDays: 0, bounds: { maxSeconds: 60 } });
      opened.push(() => database?.close());
      await database?.migrate();
      return fullApi({
        clock,
        blockList: new RedisBlockList({ redis, namespace }),
        records: new RedisReviewRecords({ redis, namespace }),
        tokenStore: new RedisTokenStore({ redis, namespace }),
        reader: database?.reader ?? null,
      });
    },
    close: async () => {
      for (const close of opened.reverse()) await close();
    },
    numRuns: 10,
  });
});
