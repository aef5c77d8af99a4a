/** Opens the chDB folder of its argument and says how that went: for tests that need a second process. */
import { openChdb } from '../../src/embedded/chdb.ts';
import { TidegateError } from '../../src/errors.ts';

try {
  await (await openChdb({ folder: process.argv[2] ?? '' })).close();
  process.stdout.write('opened\n');
} catch (error) {
  process.stdout.write(error instanceof TidegateError ? `${error.code}: ${error.message}\n` : `${String(error)}\n`);
}
