import { createServer } from 'node:net';
import { TidegateProcess } from './tidegate-process.ts';

/** Of the stage's admin, as configured. */
export const adminToken = 'console-admin-0123456789';

/** What asks to be markup wherever it is shown. */
export const hostileText = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>';

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

interface Asked {
  readonly method?: string;
  readonly body?: unknown;
}

/** A whole tidegate in a process of its own, which can be killed and started again at the same address. */
export const openConsoleStage = async (clickhouseUrl: () => string) => {
  const port = await freePort();
  const start = async (): Promise<TidegateProcess> => {
    const up = new TidegateProcess(['up', '--port', String(port), '--clickhouse-url', clickhouseUrl()], {
      TIDEGATE_API_TOKENS: `ada=${adminToken}`,
      TIDEGATE_LOG_LEVEL: 'warn',
    });
    await up.url();
    return up;
  };
  let up = await start();
  const url = `http://127.0.0.1:${port}`;
  const ask = async <T>(path: string, { method = 'GET', body }: Asked = {}): Promise<T> => {
    const headers = { authorization: `Bearer ${adminToken}`, ...(body ? { 'content-type': 'application/json' } : {}) };
    const response = await fetch(`${url}/${path}`, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answers ${response.status}: ${text}`);
    return (text === '' ? null : JSON.parse(text)) as T;
  };
  const kill = async (): Promise<void> => {
    up.signal('SIGKILL');
    await up.ended();
  };
  return {
    url,
    ask,
    kill,
    restart: async (): Promise<void> => {
      up = await start();
    },
    /** A token of somebody, and its id to revoke it by. */
    token: async (name: string, role: string): Promise<{ readonly text: string; readonly id: string }> => {
      const made = await ask<{ token: string; about: { id: string } }>('v1/tokens', {
        method: 'POST',
        body: { name, role },
      });
      return { text: made.token, id: made.about.id };
    },
    /** So many requests of one client on one route. */
    decide: async (client: string, path: string, times: number): Promise<void> => {
      const body = { clients: [{ kind: 'ip', id: client }], tenant: 'acme', method: 'GET', path };
      await Promise.all(Array.from({ length: times }, () => ask('v1/decisions', { method: 'POST', body })));
    },
    close: kill,
  };
};

export type ConsoleStage = Awaited<ReturnType<typeof openConsoleStage>>;

const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();

/** Something for every page: decisions, blocks, allow entries, a capped rule, and names that want to be markup. */
export const furnish = async ({ ask, decide, token }: ConsoleStage): Promise<{ readonly blockId: string }> => {
  await Promise.all([
    decide('198.51.100.7', '/orders/1', 40),
    decide('198.51.100.8', '/search', 12),
    decide('203.0.113.9', '/', 30),
  ]);
  const { id: blockId } = await ask<{ id: string }>('v1/blocks', {
    method: 'POST',
    body: { subject: 'ip:203.0.113.66', until: inDays(3), reason: 'abuse', note: hostileText },
  });
  const allow = (subject: string, note: string) =>
    ask('v1/allow', { method: 'POST', body: { subject, until: inDays(20), note } });
  await allow('ip:192.0.2.9', 'Uptime monitor');
  await allow(`user:${hostileText.slice(0, 40)}`, hostileText);
  await ask('v1/rules/many-routes/mode', {
    method: 'PUT',
    body: { mode: 'review', until: inDays(2), note: hostileText },
  });
  await token('ben', 'reviewer');
  await decide('203.0.113.66', '/', 5);
  return { blockId };
};
