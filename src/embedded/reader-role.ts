import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The role of those who ask over HTTP: it reads the tables of tidegate, and no file, address or other server. */
export const readerRole = 'tidegate_reader';

const ownerRole = 'tidegate_owner';

/** Everybody is `default` here, so the rights are in roles: a connection takes all of them, or the reader's alone. */
const users = `<clickhouse>
  <profiles><default/></profiles>
  <roles>
    <${ownerRole}><grants><query>GRANT ALL ON *.*</query></grants></${ownerRole}>
    <${readerRole}><grants><query>GRANT SELECT, SHOW ON default.*</query></grants></${readerRole}>
  </roles>
  <users>
    <default>
      <password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
      <grants><query>GRANT ${ownerRole}, ${readerRole}</query></grants>
    </default>
  </users>
  <quotas><default/></quotas>
</clickhouse>
`;

/** Files that tell the engine of the roles. They have to be there when it starts. */
export interface RoleFiles {
  readonly arguments: readonly string[];
  remove(): void;
}

/** Writes them to a temporary folder. */
export const writeRoleFiles = (): RoleFiles => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-roles-'));
  const usersFile = join(folder, 'users.xml');
  const configFile = join(folder, 'config.xml');
  const escaped = usersFile.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  writeFileSync(usersFile, users, { mode: 0o600 });
  writeFileSync(configFile, `<clickhouse><users_config>${escaped}</users_config></clickhouse>\n`, { mode: 0o600 });
  return {
    arguments: [`--config-file=${configFile}`],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};
