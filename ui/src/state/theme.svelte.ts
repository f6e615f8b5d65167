export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const KEY = 'unlatch.theme';

let current = $state<Theme>('system');

export function theme(): Theme {
  return current;
}

/** The theme that was chosen last on this computer. */
export function startTheme(): void {
  let kept: string | null = null;
  try {
    kept = localStorage.getItem(KEY);
  } catch {
    // Without a storage the window follows the system.
  }
  put(themes.find((each) => each === kept) ?? 'system');
}

/** Changes the theme at once and remembers it. */
export function useTheme(next: Theme): void {
  put(next);
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // It holds until the window closes.
  }
}

function put(next: Theme): void {
  current = next;
  // The colours follow `color-scheme`, which this attribute narrows; without it both are open and the system decides.
  if (next === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = next;
}
