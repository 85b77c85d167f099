import type { VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { countText } from './format.ts';
import { useKeys, useSay } from './hooks.ts';
import { LogDetail } from './log-detail.tsx';
import { LogRow } from './log-row.tsx';
import type { LogLine } from './logs-api.ts';

const rowHeight = 22;
/** Rows beyond the edges, so that scrolling shows no gap. */
const spare = 12;

interface LogListProps {
  readonly lines: readonly LogLine[];
  /** What was looked for. */
  readonly words: readonly string[];
  readonly onOlder: () => void;
  readonly onMatch: (name: string, op: '=' | '!=', value: string) => void;
  readonly onAround: (line: LogLine) => void;
}

/** Thousands of lines of which only those in sight are drawn; one may be open. */
export function LogList({ lines, words, onOlder, onMatch, onAround }: LogListProps): VNode {
  const box = useRef<HTMLDivElement>(null);
  const view = useView(box);
  const [open, setOpen] = useState<string>();
  const [detailHeight, setDetailHeight] = useState(0);
  const news = useAnchor(box, lines);
  const openAt = open === undefined ? -1 : lines.findIndex(({ id }) => id === open);
  const extra = openAt < 0 ? 0 : detailHeight;
  const topOf = (index: number): number => index * rowHeight + (openAt >= 0 && index > openAt ? extra : 0);
  const from = Math.max(0, rowAt(view.top, openAt, extra) - spare);
  const to = Math.min(lines.length, rowAt(view.top + view.height, openAt, extra) + spare + 1);
  useEffect(() => {
    if (lines.length - to < 3 * spare) {
      onOlder();
    }
  }, [to, lines.length]);
  const toggle = (id: string): true => {
    setDetailHeight(0);
    setOpen(open === id ? undefined : id);
    return true;
  };
  const [chosen, setChosen] = useChosen(lines, {
    open,
    toggle,
    show: (index) => reveal(box.current, topOf(index)),
  });
  return (
    <div class="log-frame">
      <NewsButton news={news} />
      <div ref={box} class="log-list" onScroll={view.measure}>
        <ol class="all" style={{ height: `${topOf(lines.length)}px` }}>
          {lines.slice(from, to).map((line, i) => (
            <LogRow
              key={line.id}
              line={line}
              words={words}
              top={topOf(from + i)}
              chosen={line.id === chosen}
              open={line.id === open}
              onToggle={() => {
                setChosen(line.id);
                toggle(line.id);
              }}
            />
          ))}
          {openAt >= 0 && lines[openAt] !== undefined && (
            <LogDetail
              line={lines[openAt]}
              top={topOf(openAt) + rowHeight}
              onHeight={setDetailHeight}
              onMatch={onMatch}
              onAround={onAround}
            />
          )}
        </ol>
      </div>
    </div>
  );
}

interface View {
  readonly top: number;
  readonly height: number;
  readonly measure: () => void;
}

/** What part of the list is in sight. */
function useView(box: { readonly current: HTMLDivElement | null }): View {
  const [view, setView] = useState({ top: 0, height: 600 });
  const measure = (): void => {
    const { scrollTop = 0, clientHeight = 600 } = box.current ?? {};
    setView({ top: scrollTop, height: clientHeight });
  };
  useEffect(() => {
    measure();
    addEventListener('resize', measure);
    return () => removeEventListener('resize', measure);
  }, []);
  return { ...view, measure };
}

interface ChosenOptions {
  readonly open: string | undefined;
  readonly toggle: (id: string) => true;
  /** Brings a row into sight. */
  readonly show: (index: number) => void;
}

/** The row that the arrow keys are at. */
function useChosen(
  lines: readonly LogLine[],
  options: ChosenOptions,
): readonly [string | undefined, (id: string) => void] {
  const { open, toggle, show } = options;
  const [chosen, setChosen] = useState<string>();
  const choose = (index: number): true => {
    const at = Math.max(0, Math.min(lines.length - 1, index));
    setChosen(lines[at]?.id);
    show(at);
    return true;
  };
  useKeys((event) => {
    const at = lines.findIndex(({ id }) => id === chosen);
    const keys: Readonly<Record<string, () => boolean>> = {
      ArrowDown: () => choose(at + 1),
      ArrowUp: () => choose(at - 1),
      Home: () => choose(0),
      Enter: () => chosen !== undefined && !(event.target instanceof HTMLButtonElement) && toggle(chosen),
      Escape: () => open !== undefined && toggle(open),
    };
    return keys[event.key]?.() ?? false;
  });
  return [chosen, setChosen];
}

function NewsButton({ news }: { readonly news: News }): VNode | null {
  const say = useSay();
  if (news.count === 0) {
    return null;
  }
  return (
    <button type="button" class="news" onClick={news.show}>
      ↑ {say('newLines', { count: countText(news.count) })}
    </button>
  );
}

/** The index of the row at that height, where the row before `openAt + 1` is followed by something of height `extra`. */
function rowAt(top: number, openAt: number, extra: number): number {
  const detailTop = (openAt + 1) * rowHeight;
  if (openAt < 0 || top < detailTop) {
    return Math.floor(top / rowHeight);
  }
  return Math.max(openAt, Math.floor((top - extra) / rowHeight));
}

function reveal(box: HTMLDivElement | null, top: number): void {
  if (box !== null && top < box.scrollTop) {
    box.scrollTop = top;
  } else if (box !== null && top + rowHeight > box.scrollTop + box.clientHeight) {
    box.scrollTop = top + rowHeight - box.clientHeight;
  }
}

interface News {
  /** Lines that came above what is in sight. */
  readonly count: number;
  readonly show: () => void;
}

/** Keeps what somebody reads in its place while lines arrive above it. */
function useAnchor(box: { readonly current: HTMLDivElement | null }, lines: readonly LogLine[]): News {
  const newest = useRef<string | undefined>(lines[0]?.id);
  const [count, setCount] = useState(0);
  useLayoutEffect(() => {
    const place = box.current;
    const added = lines.findIndex(({ id }) => id === newest.current);
    newest.current = lines[0]?.id;
    if (place === null || added <= 0 || place.scrollTop < rowHeight) {
      setCount(0);
      return;
    }
    place.scrollTop += added * rowHeight;
    setCount((before) => before + added);
  }, [lines]);
  const show = (): void => {
    setCount(0);
    box.current?.scrollTo({ top: 0 });
  };
  return { count, show };
}
