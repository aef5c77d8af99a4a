import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Everything that promtool complains about, of what it is given on standard input or by arguments; '': nothing. */
export const promtool = async (program: string, args: readonly string[], input = ''): Promise<string> => {
  const child = spawn(program, [...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return code === 0 ? '' : said || `it ended with ${code}`;
};
