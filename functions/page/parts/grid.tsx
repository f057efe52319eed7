import {
  Table,
  TableBody,
  TableCell,
  TableHeader,
  TableHeaderCell,
  TableRow,
  useArrowNavigationGroup,
} from "@fluentui/react-components";
import { defaultRangeExtractor, type Range, useVirtualizer } from "@tanstack/react-virtual";
import { memo, type ReactNode, useEffect, useLayoutEffect, useRef } from "react";
import { useNarrow } from "./media.ts";

const rowHeight = 44;
const cardHeight = 84;
/** Rows in the document at once, whatever the height of the container is measured to be. */
const maxRendered = 100;

export interface Column<Row> {
  readonly id: string;
  readonly label: string;
  /** True if its cells speak for themselves: the label is for those who cannot see them. */
  readonly labelUnseen?: boolean;
  /** A track of a CSS grid. */
  readonly width: string;
  readonly cell: (row: Row) => ReactNode;
  readonly align?: "end";
  /** True if its cells hold controls, which take the focus themselves. */
  readonly interactive?: boolean;
  readonly sortable?: boolean;
}

export interface Sort {
  readonly column: string;
  readonly descending: boolean;
}

export interface GridProps<Row> {
  /** Names the grid for those who cannot see it. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly count: number;
  /** Undefined while the row is on its way. */
  readonly rowAt: (index: number) => Row | undefined;
  readonly keyOf: (row: Row) => string;
  /** The row where there is no room for columns. */
  readonly card: (row: Row) => ReactNode;
  readonly sort?: Sort;
  readonly onSort?: (sort: Sort) => void;
  /** Which rows are looked at. */
  readonly onRange?: (first: number, last: number) => void;
  /** True where the page scrolls and not the grid: for lists of a few dozen rows. */
  readonly short?: boolean;
}

/** A grid of any length, of which only what is looked at is in the document; a list of cards where it is narrow. */
export function Grid<Row>(props: GridProps<Row>) {
  const narrow = useNarrow();
  const { count, rowAt, onRange } = props;
  const container = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count,
    getScrollElement: () => container.current,
    estimateSize: () => (narrow ? cardHeight : rowHeight),
    overscan: 8,
    rangeExtractor,
  });
  const size = narrow ? cardHeight : rowHeight;
  // biome-ignore lint/correctness/useExhaustiveDependencies: heights are others once the form changes
  useEffect(() => virtualizer.measure(), [narrow]);

  const items = virtualizer.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  // Before the rows on their way are painted: they are asked for a frame earlier.
  useLayoutEffect(() => onRange?.(first, last), [first, last, onRange]);
  const shown = props.short
    ? Array.from({ length: Math.min(count, maxRendered) }, (_, index) => ({ index, start: index * size }))
    : items;
  const height = { height: props.short ? shown.length * size : virtualizer.getTotalSize() };

  return (
    <div className={props.short ? "grid grid-short" : "grid"}>
      {narrow ? (
        <div ref={container} className="grid-scroll">
          <div role="list" aria-label={props.label} className="grid-rows" style={height}>
            {shown.map(({ index, start }) => {
              const row = rowAt(index);
              return (
                <div
                  role="listitem"
                  aria-setsize={count}
                  aria-posinset={index + 1}
                  key={row === undefined ? index : props.keyOf(row)}
                  className="card-row"
                  style={{ transform: `translateY(${start}px)`, height: size }}
                >
                  {row === undefined ? <span className="bone" /> : props.card(row)}
                </div>
              );
            })}
          </div>
        </div>
      ) : (
        <WideGrid {...props} shown={shown} height={height} container={container} />
      )}
    </div>
  );
}

function WideGrid<Row>({
  label,
  columns,
  count,
  rowAt,
  keyOf,
  sort,
  onSort,
  shown,
  height,
  container,
}: GridProps<Row> & {
  readonly shown: readonly { readonly index: number; readonly start: number }[];
  readonly height: { readonly height: number };
  readonly container: React.RefObject<HTMLDivElement | null>;
}) {
  const keyboard = useArrowNavigationGroup({ axis: "grid", memorizeCurrent: true });
  const tracks = {
    gridTemplateColumns: columns.map(({ width }) => width).join(" "),
  };
  return (
    <div ref={container} className="grid-scroll">
      <Table
        noNativeElements
        role="grid"
        aria-label={label}
        aria-rowcount={count + 1}
        aria-colcount={columns.length}
        className="grid-table"
        {...keyboard}
      >
        <TableHeader className="grid-head">
          <TableRow aria-rowindex={1} style={tracks} className="grid-row">
            {columns.map((column) => {
              const sorted = sort?.column === column.id;
              const sortable = column.sortable === true && onSort !== undefined;
              return (
                <TableHeaderCell
                  key={column.id}
                  sortable={sortable}
                  className={column.align === "end" ? "cell-end" : ""}
                  {...(sorted ? { sortDirection: sort.descending ? "descending" : "ascending" } : {})}
                  {...(sortable
                    ? {
                        onClick: () =>
                          onSort({ column: column.id, descending: sorted ? !sort.descending : false }),
                      }
                    : { tabIndex: 0 })}
                >
                  {column.labelUnseen ? <span className="unseen">{column.label}</span> : column.label}
                </TableHeaderCell>
              );
            })}
          </TableRow>
        </TableHeader>
        <TableBody className="grid-rows" style={height}>
          {shown.map(({ index, start }) => {
            const row = rowAt(index);
            return (
              <TableRow
                key={row === undefined ? index : keyOf(row)}
                aria-rowindex={index + 2}
                className="grid-row"
                style={{ ...tracks, transform: `translateY(${start}px)` }}
              >
                {row === undefined ? (
                  <BoneCell columns={columns} tracks={tracks} />
                ) : (
                  <Cells columns={columns} row={row} />
                )}
              </TableRow>
            );
          })}
        </TableBody>
      </Table>
    </div>
  );
}

/** Drawn again only if the row or the columns are others: a list is drawn anew with each key of a search. */
const Cells = memo(function Cells<Row>({
  columns,
  row,
}: Pick<GridProps<Row>, "columns"> & { readonly row: Row }) {
  return columns.map((column) => (
    <TableCell
      key={column.id}
      role="gridcell"
      className={column.align === "end" ? "cell-end" : ""}
      {...(column.interactive ? {} : { tabIndex: 0 })}
    >
      {column.cell(row)}
    </TableCell>
  ));
}) as <Row>(props: Pick<GridProps<Row>, "columns"> & { readonly row: Row }) => ReactNode;

/** All cells of a row that is on its way: whoever scrolls past hundreds of them waits for none. */
function BoneCell<Row>({
  columns,
  tracks,
}: Pick<GridProps<Row>, "columns"> & { readonly tracks: React.CSSProperties }) {
  return (
    <TableCell
      role="gridcell"
      aria-colspan={columns.length}
      tabIndex={0}
      className="cell-bones"
      style={tracks}
    >
      {columns.map(({ id }) => (
        <span key={id} className="bone" />
      ))}
    </TableCell>
  );
}

function rangeExtractor(range: Range): number[] {
  return defaultRangeExtractor(range).slice(0, maxRendered);
}
