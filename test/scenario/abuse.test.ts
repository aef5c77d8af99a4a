import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseRules } from '../../src/detect/rules.ts';
import { MemoryBlockList } from '../../src/embedded/memory-block-list.ts';
import { MemoryEventLog } from '../../src/embedded/memory-event-log.ts';
import { parsePolicies } from '../../src/policy/parse.ts';
import { runScenarioFolder, type ScenarioOptions, scenarioFoldersIn } from '../../src/replay/scenario.ts';

const corpora = fileURLToPath(new URL('corpora', import.meta.url));
const shipped = (name: string): string => readFileSync(new URL(`../../policies/${name}`, import.meta.url), 'utf8');

const options: ScenarioOptions = {
  policies: parsePolicies(shipped('policies.yaml')),
  rules: parseRules(shipped('rules.yaml')),
  open: (clock) => ({ blockList: new MemoryBlockList({ clock }), log: new MemoryEventLog({ clock }) }),
};

const folders = (await scenarioFoldersIn([corpora])).map((folder) => ({ folder, name: relative(corpora, folder) }));

describe('the shipped rules', () => {
  it.each(folders)('do as $name expects, wherever in a window it begins', async ({ folder }) => {
    const { problems, runs, passed } = await runScenarioFolder(folder, options);
    expect(problems).toEqual([]);
    expect(runs.map(({ start, complaints }) => ({ start, complaints }))).toEqual(
      runs.map(({ start }) => ({ start, complaints: [] })),
    );
    expect(passed).toBe(true);
  });
});
