import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { promtoolPath } from './engines.ts';

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

/** What promtool says of what a process tells of itself. Nothing where it is missing: the run's set-up has said so. */
export const metricComplaints = async (url: string): Promise<string> => {
  const program = promtoolPath();
  const answer = await fetch(`${url}/metrics`);
  if (answer.status !== 200) return `${url}/metrics answers ${answer.status}`;
  return program === null ? '' : promtool(program, ['check', 'metrics'], await answer.text());
};
