import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * What takes longest, longest first. A long file that begins last keeps one core busy while the other waits, and a fresh
 * checkout knows no durations. A name that is missing here, or gone, costs nothing but that.
 */
const longest = [
  'test/integration/pipeline-faults.test.ts',
  'test/integration/pipeline-crashes.test.ts',
  'test/integration/pipeline-soak.test.ts',
  'test/integration/redis-cluster-faults.test.ts',
  'test/integration/client-erase-crash.test.ts',
  'test/integration/console-pages.test.ts',
  'test/integration/kafka-faults.test.ts',
  'test/integration/console-session.test.ts',
  'test/integration/replay.test.ts',
  'test/integration/console-review-trouble.test.ts',
  'test/integration/reconcile.test.ts',
  'test/integration/console-review.test.ts',
  'test/contract/event-table.http.test.ts',
  'test/integration/client-command.test.ts',
  'test/integration/leases.test.ts',
  'test/integration/audit.chdb.test.ts',
  'test/integration/policies-command.test.ts',
  'test/integration/bad-start.test.ts',
  'test/integration/up.test.ts',
  'test/integration/fleet.test.ts',
  'test/integration/prometheus.test.ts',
  'test/scenario/demo.test.ts',
  'test/scenario/abuse.test.ts',
  'test/packaging/package.test.ts',
  'test/unit/bench/bench.test.ts',
  'test/unit/http/examples.test.ts',
];

const rankOf = ({ project, moduleId }: TestSpecification): number => {
  const rank = longest.indexOf(relative(project.config.root, moduleId).replaceAll('\\', '/'));
  return rank < 0 ? longest.length : rank;
};

const groupOf = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;

/** Vitest's own order, after the files that are known to take long. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => groupOf(a) - groupOf(b) || rankOf(a) - rankOf(b));
  }
}
