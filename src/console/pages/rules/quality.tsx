import { number, share } from '../../app/format.ts';
import { useLive } from '../../app/live.ts';
import { Ago, Chip } from '../../app/parts.tsx';
import { part } from '../../app/router.ts';
import { Empty, Shown } from '../../app/states.tsx';
import { DataTable } from '../../app/table.tsx';
import { IntervalBar } from '../../charts/bars.tsx';
import type { Precision, Quality, Rule } from './rule.ts';

const range = ({ low, high }: Precision): string => `${share(low)} to ${share(high)}`;

/** How right it is, as a bar from what it may be at least to what it may be at most, and in numbers. */
export const PrecisionCell = ({
  precision,
  floor,
}: {
  readonly precision: Precision | null;
  readonly floor: number | null;
}) => {
  if (precision === null) return <span class="quiet">not judged yet</span>;
  return (
    <span class="precision">
      <IntervalBar value={precision.share} low={precision.low} high={precision.high} floor={floor} />
      <span>
        {share(precision.share)} <span class="quiet small">{range(precision)}</span>
      </span>
    </span>
  );
};

type Content = Quality['contents'][number];

const Definition = ({ text }: { readonly text: string | null }) =>
  text === null ? (
    <span class="quiet">not noted</span>
  ) : (
    <details>
      <summary>show</summary>
      <pre class="definition">{text}</pre>
    </details>
  );

const ContentTable = ({ quality, floor }: { readonly quality: Quality; readonly floor: number | null }) => (
  <DataTable<Content>
    caption={`What ${quality.rule} has said, and how right it was`}
    rows={quality.contents}
    rowKey={({ hash }) => hash}
    columns={[
      {
        head: 'content',
        isMain: true,
        cell: ({ hash, isCurrent }) => (
          <>
            <code>{hash}</code> {isCurrent ? <Chip tone="good">runs now</Chip> : null}
          </>
        ),
      },
      { head: 'precision', cell: ({ precision }) => <PrecisionCell precision={precision} floor={floor} /> },
      { head: 'made', isNumber: true, cell: ({ made }) => number(made) },
      { head: 'confirmed', isNumber: true, cell: ({ confirmed }) => number(confirmed) },
      { head: 'false positives', isNumber: true, cell: ({ falsePositives }) => number(falsePositives) },
      { head: 'goodwill', isNumber: true, cell: ({ goodwill }) => number(goodwill) },
      { head: 'last label', cell: ({ lastLabelAt }) => <Ago at={lastLabelAt} /> },
      { head: 'says', cell: ({ definition }) => <Definition text={definition} /> },
    ]}
  />
);

/** Each content that a rule had: labels are of the content they were given to. */
export const QualityOfRule = ({ rule }: { readonly rule: Rule }) => {
  const live = useLive<Quality>(`v1/rules/${part(rule.rule)}/quality`, 30_000);
  return (
    <Shown what={`the labels of ${rule.rule}`} live={live}>
      {(quality) =>
        quality.contents.length === 0 ? (
          <Empty title="Nobody has judged it yet" />
        ) : (
          <ContentTable quality={quality} floor={rule.precisionFloor?.floor ?? null} />
        )
      }
    </Shown>
  );
};
