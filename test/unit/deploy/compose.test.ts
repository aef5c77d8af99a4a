import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { projectFolder } from '../../services/folders.ts';

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly profiles?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const textOf = (path: string): string => readFileSync(join(projectFolder, path), 'utf8');
const compose = parse(textOf('docker-compose.yml')) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
};
const services = Object.entries(compose.services);

describe('docker-compose.yml', () => {
  it('runs Redis, Kafka, ClickHouse, Grafana and tidegate; Prometheus and Alertmanager for those who ask', () => {
    const names = (asked: boolean) =>
      services.filter(([, { profiles }]) => (profiles !== undefined) === asked).map(([name]) => name);
    expect(names(false)).toEqual(['redis', 'kafka', 'clickhouse', 'grafana', 'tidegate']);
    expect(names(true)).toEqual(['prometheus', 'alertmanager']);
  });

  it.each(services)('pins the version of %s, or builds it', (_name, { image, build }) => {
    expect(image === undefined ? build : image).toMatch(/^\.$|^[a-z/-]+:v?\d+\.\d+(\.\d+)?$/);
  });

  it.each(services)('publishes %s on the loopback interface only', (_name, { ports }) => {
    expect(ports).toHaveLength(1);
    for (const port of ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/);
  });

  it.each(services)('knows when %s is healthy', (name, { healthcheck }) => {
    // tidegate's own check is part of its image.
    expect(healthcheck === undefined).toBe(name === 'tidegate');
  });

  it('waits for what a service needs until that is healthy', () => {
    for (const [, { depends_on: needs }] of services) {
      for (const [needed, { condition }] of Object.entries(needs ?? {})) {
        expect(compose.services[needed]?.healthcheck).toBeDefined();
        expect(condition).toBe('service_healthy');
      }
    }
  });

  it('mounts only folders that exist and volumes that are declared', () => {
    for (const [, { volumes }] of services) {
      for (const volume of volumes ?? []) {
        const [source = ''] = volume.split(':');
        const isThere = source.startsWith('./') ? existsSync(join(projectFolder, source)) : source in compose.volumes;
        expect(isThere, volume).toBe(true);
      }
    }
  });
});

describe('the Dockerfile', () => {
  const dockerfile = textOf('Dockerfile');
  const lastStage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));

  it('starts every stage from the same pinned image', () => {
    const images = new Set([...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image));
    expect([...images]).toEqual([expect.stringMatching(/^node:\d+\.\d+\.\d+-bookworm-slim$/)]);
  });

  it('runs as a user without privileges and says whether it lives', () => {
    expect(lastStage).toMatch(/^USER node$/m);
    expect(lastStage).toMatch(/^HEALTHCHECK [\s\S]*\/livez/m);
  });

  it('copies nothing that the build context leaves out', () => {
    const included = textOf('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) =>
      sources.split(' '),
    );
    expect(copied.sort()).toEqual(included.sort());
    for (const path of copied) expect(existsSync(join(projectFolder, path)), path).toBe(true);
  });
});
