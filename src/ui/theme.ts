import { useEffect, useState } from 'preact/hooks';
import { useRemembered } from './hooks.ts';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const wish = '(prefers-color-scheme: dark)';

/** The chosen theme and how to choose another; what follows from it stands at the root as `data-theme`. */
export function useTheme(): readonly [Theme, (theme: Theme) => void] {
  const [remembered, remember] = useRemembered<Theme>('meshbridge.theme', 'system');
  const theme = themes.find((known) => known === remembered) ?? 'system';
  useEffect(() => {
    const media = matchMedia(wish);
    const follow = (): void => {
      const isDark = theme === 'dark' || (theme === 'system' && media.matches);
      document.documentElement.dataset['theme'] = isDark ? 'dark' : 'light';
      dispatchEvent(new Event(changed));
    };
    follow();
    media.addEventListener('change', follow);
    return () => media.removeEventListener('change', follow);
  }, [theme]);
  return [theme, remember];
}

const changed = 'meshbridge-theme';

/** A number that grows with each change of the theme, for what is drawn on a canvas. */
export function useThemeChanges(): number {
  const [changes, setChanges] = useState(0);
  useEffect(() => {
    const note = (): void => setChanges((count) => count + 1);
    addEventListener(changed, note);
    return () => removeEventListener(changed, note);
  }, []);
  return changes;
}

/** The values of custom properties as they are now, for a canvas. */
export function colours<K extends string>(...names: readonly K[]): Readonly<Record<K, string>> {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Record<
    K,
    string
  >;
}
