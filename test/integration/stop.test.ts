import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith, freshName, kafkaUrl, type OwnEngine, startKafka } from '../support/engines.ts';
import { TidegateProcess } from '../support/tidegate-process.ts';

describeWith('redis', 'a gate whose Kafka has gone', (redis) => {
  let kafka: OwnEngine | null = null;
  beforeAll(async () => {
    if (kafkaUrl() !== null) kafka = await startKafka();
  });
  afterAll(async () => kafka?.stop());

  it.skipIf(kafkaUrl() === null)(
    'goes on deciding, stops in time, and says how many decisions it could not hand over',
    async () => {
      const env = {
        TIDEGATE_REDIS_URL: redis,
        TIDEGATE_NAMESPACE: freshName('stop').slice(0, 32),
        TIDEGATE_KAFKA_URL: kafka?.url ?? '',
        TIDEGATE_SHUTDOWN_TIMEOUT_MS: '3000',
      };
      const gate = new TidegateProcess(['serve', '--port', '0'], env);
      const url = await gate.url();
      await kafka?.stop();
      for (let index = 0; index < 5; index += 1) {
        const body = JSON.stringify({ key: 'k', limit: 100, window: 60 });
        const headers = { 'content-type': 'application/json' };
        expect((await fetch(`${url}/v1/limiter/check`, { method: 'POST', headers, body })).status).toBe(200);
      }
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
      gate.signal('SIGTERM');
      const { exitCode, stderr } = await gate.ended();
      expect(exitCode).toBe(1);
      expect(stderr).toContain('5 decisions never reached the event log');
    },
  );
});
