import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { checkClickHousePort } from '../../../src/cli/clickhouse-side.ts';

const config = {
  clickhousePort: 0,
  clickhouseHost: '127.0.0.1',
  clickhousePassword: null,
  clickhouseUrl: 'chdb:.tidegate/clickhouse',
} as const;

describe('serving the embedded database to readers', () => {
  it('is done where a port is given, and only there', async () => {
    expect(await checkClickHousePort(config)).toBe(true);
    expect(await checkClickHousePort({ ...config, clickhousePort: null })).toBe(false);
    expect(await checkClickHousePort({ ...config, clickhousePort: 'none', clickhouseUrl: 'http://ch:8123' })).toBe(
      false,
    );
  });

  it('is refused where ClickHouse is a server', async () => {
    const served = checkClickHousePort({ ...config, clickhouseUrl: 'http://ch:8123/default' });
    await expect(served).rejects.toMatchObject({ code: 'CONFIG_INVALID', problems: [{ path: 'clickhousePort' }] });
  });

  it.each(['0.0.0.0', '::', '10.0.0.1', 'tidegate.internal', '127.0.0.1.evil.example'])(
    'is refused on %s without a password',
    async (clickhouseHost) => {
      const served = checkClickHousePort({ ...config, clickhouseHost });
      await expect(served).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        problems: [{ path: 'clickhousePassword' }],
      });
    },
  );

  it('is done on every interface with a password, and on this machine without', async () => {
    expect(await checkClickHousePort({ ...config, clickhouseHost: '0.0.0.0', clickhousePassword: 'long enough' })).toBe(
      true,
    );
    for (const clickhouseHost of ['localhost', '127.0.0.2'])
      expect(await checkClickHousePort({ ...config, clickhouseHost }), clickhouseHost).toBe(true);
  });

  it('is refused on a port that is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const clickhousePort = typeof address === 'object' && address ? address.port : 0;
    await expect(checkClickHousePort({ ...config, clickhousePort })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: `Port ${clickhousePort} on 127.0.0.1 is in use (clickhousePort)`,
    });
    other.close();
  });
});
