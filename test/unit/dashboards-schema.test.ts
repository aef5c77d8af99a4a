import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { renderDashboards } from '../../dashboards/build.ts';
import { dashboardSchema } from '../support/dashboard-schema.ts';

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}
interface Panel {
  readonly id: number;
  readonly gridPos: Place;
  readonly panels?: readonly Panel[];
}
const dashboards = [...renderDashboards().files]
  .filter(([name]) => /^tidegate-\w+\.json$/.test(name))
  .map(([name, content]) => ({ name, dashboard: JSON.parse(content) as { readonly panels: readonly Panel[] } }));

const overlap = (one: Place, other: Place): boolean =>
  one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;

describe('the JSON of dashboards', () => {
  it('is there', () => {
    expect(dashboards.length).toBeGreaterThan(3);
  });

  it.each(dashboards)(
    '$name is what the schema of Grafana allows, and nothing that it does not know',
    ({ dashboard }) => {
      const errors = [...Value.Errors(dashboardSchema, dashboard)];
      expect(errors.map((error) => JSON.stringify(error)).slice(0, 5)).toEqual([]);
    },
  );

  it.each(dashboards)('$name is refused with a field that nobody reads, or a panel too wide', ({ dashboard }) => {
    const [first, ...others] = dashboard.panels;
    const wide = { ...first, gridPos: { ...first?.gridPos, w: 25 } };
    expect(Value.Check(dashboardSchema, { ...dashboard, panel: [] })).toBe(false);
    expect(Value.Check(dashboardSchema, { ...dashboard, panels: [wide, ...others] })).toBe(false);
    expect(Value.Check(dashboardSchema, { ...dashboard, panels: [{ ...first, unit: 's' }, ...others] })).toBe(false);
  });

  it.each(dashboards)('$name puts no panel over another, and none beyond the edge', ({ dashboard: { panels } }) => {
    for (const [index, { id, gridPos }] of panels.entries()) {
      expect([id, gridPos.x + gridPos.w <= 24]).toEqual([id, true]);
      const under = panels.slice(index + 1).filter((other) => overlap(gridPos, other.gridPos));
      expect([id, under.map((other) => other.id)]).toEqual([id, []]);
    }
  });
});
