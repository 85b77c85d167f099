import type { Ref } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useThemeChanges } from './theme.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * A canvas as large as its element in CSS pixels, painted anew when its size, the theme or one of `reasons` changes. The
 * context is scaled to CSS pixels and cleared before.
 */
export function useCanvas(
  paint: (context: CanvasRenderingContext2D, size: Size) => void,
  reasons: readonly unknown[],
): readonly [Ref<HTMLCanvasElement>, Size] {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  const theme = useThemeChanges();
  useEffect(() => {
    const element = canvas.current;
    if (element === null) {
      return;
    }
    const measure = (): void => setSize({ width: element.clientWidth, height: element.clientHeight });
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d') ?? null;
    if (element === null || context === null || size.width === 0) {
      return;
    }
    const ratio = devicePixelRatio;
    element.width = Math.round(size.width * ratio);
    element.height = Math.round(size.height * ratio);
    context.scale(ratio, ratio);
    paint(context, size);
  }, [size.width, size.height, theme, ...reasons]);
  return [canvas, size];
}
