import { existsSync, mkdirSync, mkdtempSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectFolder, removeFolder, servicesFolder } from './folders.ts';
import { ensureProgram, runProgram } from './programs.ts';
import { ServiceError } from './service-error.ts';

export const kafkaVersion = '4.2.1';

/** Brokers of Kafka 4. */
const oldestJava = 17;

const pomPath = fileURLToPath(new URL('kafka-pom.xml', import.meta.url));

/** The folder with the broker's jars: fetched by Maven the first time, then kept. */
export const kafkaJars = async (): Promise<string> => {
  await ensureProgram('java', 'openjdk-17-jre-headless');
  await checkJava();
  const jars = join(servicesFolder, 'jars', `kafka-${kafkaVersion}`);
  if (existsSync(jars)) return jars;
  await ensureProgram('mvn', 'maven');
  mkdirSync(join(servicesFolder, 'jars'), { recursive: true });
  const partial = mkdtempSync(`${jars}-partial-`);
  try {
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${partial}`];
    await runProgram('mvn', ['-q', '-B', '-f', pomPath, `-Dkafka.version=${kafkaVersion}`, ...goal], {
      cwd: projectFolder,
    });
    keep(partial, jars);
  } finally {
    removeFolder(partial);
  }
  return jars;
};

const checkJava = async (): Promise<void> => {
  const version = /(\d+)[.\d]*/.exec(await runProgram('java', ['--version']));
  if (Number(version?.[1]) >= oldestJava) return;
  const found = version?.[0] ?? 'unknown';
  throw new ServiceError(
    `Kafka needs Java ${oldestJava}, this is ${found}; get it with: sudo apt-get install openjdk-17-jre-headless`,
  );
};

/** Renaming is atomic: a half fetched folder never gets the final name. */
const keep = (partial: string, jars: string): void => {
  try {
    renameSync(partial, jars);
  } catch (error) {
    // Another process was faster: its folder is as good.
    if (!existsSync(jars)) throw error;
  }
};
