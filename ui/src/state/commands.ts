import { tick } from 'svelte';

import type { IconName } from '../components/icons';
import { m } from '../paraglide/messages';
import type { Locale } from '../paraglide/runtime';
import type { AppState } from './app.svelte';
import { isolated } from './bidi';
import { fuzzy } from './fuzzy';
import { locale } from './locale.svelte';
import { placeName } from './places';
import { theme, themes, useTheme, type Theme } from './theme.svelte';

/** Something a person can have done by its name. */
export interface Command {
  id: string;
  icon: IconName;
  /** Its name, in the language of the window. */
  name: string;
  /** All that it is found by: its name, and what else it is called, in both languages. */
  names: readonly string[];
  /** The keys that do the same, as `Mod+K`. */
  keys?: string;
  run: () => void;
}

type Said = (options: { locale: Locale }) => string;

export const themeWords: Record<Theme, (options?: { locale: Locale }) => string> = {
  system: (options) => m.theme_system({}, options),
  light: (options) => m.theme_light({}, options),
  dark: (options) => m.theme_dark({}, options),
};

const LANGUAGES = [
  ['en', 'English'],
  ['es', 'Español'],
] as const;

function control(testid: string): HTMLElement | null {
  const found = document.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
  return found?.matches(':disabled, [aria-disabled="true"]') ? null : found;
}

/** A command does what the control on the screen does, with all that goes with it. */
function press(testid: string): void {
  const found = control(testid);
  if (found instanceof HTMLInputElement && found.type !== 'checkbox') found.focus();
  else found?.click();
}

/** The commands that are possible now. */
export function commandsOf(app: AppState, newestRun: string | null): Command[] {
  const all: Command[] = [];
  const add = (id: string, icon: IconName, said: Said, run: () => void, keys?: string, also?: Said) => {
    const names = [said, ...(also ? [also] : [])].flatMap((each) =>
      (['en', 'es'] as const).map((language) => each({ locale: language })),
    );
    all.push({ id, icon, name: said({ locale: locale() }), names, run, ...(keys ? { keys } : {}) });
  };
  const onDesk = app.view.name === 'desk';
  const pressOnDesk = async (testid: string) => {
    app.show({ name: 'desk' });
    await tick();
    press(testid);
  };
  const search = (mode: string, icon: IconName, said: Said, key: string) => {
    if (onDesk && !control(`mode-${mode}`)) return;
    add(`search-${mode}`, icon, said, () => void pressOnDesk(`mode-${mode}`), `Mod+${key}`);
  };
  const onScreen = (testid: string, icon: IconName, id: string, said: Said, keys?: string, also?: Said) => {
    const found = onDesk ? control(testid) : null;
    // What is ticked already would be unticked.
    if (found && !found.matches(':checked, [aria-checked="true"]'))
      add(id, icon, said, () => press(testid), keys, also);
  };

  search('user', 'person', (to) => m.command_search_user({}, to), '1');
  search('app', 'apps', (to) => m.command_search_app({}, to), '2');
  search('device', 'device', (to) => m.command_search_device({}, to), '3');
  search('list', 'copy', (to) => m.command_search_list({}, to), '4');
  onScreen('table-filter', 'search', 'filter', (to) => m.command_filter({}, to));
  onScreen('select-all', 'check', 'select-all', (to) => m.command_select_all({}, to), 'Mod+A');
  onScreen('tray-clear', 'close', 'clear', (to) => m.command_clear({}, to));
  const recover: Said = (to) => m.command_recover({}, to);
  onScreen('recover-button', 'accepted', 'review', (to) => m.command_review({}, to), 'Mod+Enter', recover);
  if (newestRun !== null) {
    const view = { name: 'run', runId: newestRun, from: 'desk' } as const;
    add(
      'newest-run',
      'up',
      (to) => m.command_newest_run({}, to),
      () => app.show(view),
    );
  }
  if (!onDesk)
    add(
      'desk',
      'search',
      (to) => m.menu_desk({}, to),
      () => app.show({ name: 'desk' }),
    );
  if (app.view.name !== 'history') {
    add(
      'history',
      'clock',
      (to) => m.menu_history({}, to),
      () => app.show({ name: 'history' }),
    );
  }
  if (app.view.name !== 'settings') {
    add(
      'settings',
      'info',
      (to) => m.menu_settings({}, to),
      () => app.show({ name: 'settings' }),
    );
  }
  if (app.view.name !== 'about') {
    add(
      'about',
      'info',
      (to) => m.menu_about({}, to),
      () => app.show({ name: 'about' }),
      undefined,
      (to) => m.about_notices({}, to),
    );
  }
  const checkJournal = async () => {
    app.show({ name: 'history' });
    await tick();
    press('verify-journal');
  };
  add(
    'journal',
    'done',
    (to) => m.verify_journal({}, to),
    () => void checkJournal(),
  );
  if (app.busy === null) {
    for (const place of app.status?.places ?? []) {
      if (place.id === app.status?.place || place.mode === 'unconfigured') continue;
      const tenant = isolated(placeName(place));
      const go = () => void app.showPlace(place.id);
      add(`place-${place.id}`, 'apps', (to) => m.command_tenant({ tenant }, to), go);
    }
    if (app.status?.settings.severalTenants) {
      add(
        'add-tenant',
        'apps',
        (to) => m.add_tenant({}, to),
        () => app.addTenant(),
      );
    }
  }
  for (const [language, name] of LANGUAGES) {
    if (language === locale() || app.status?.settings.locked.includes('language')) continue;
    const say = () => void app.speak(language);
    add(`language-${language}`, 'info', (to) => m.command_language({ language: name }, to), say);
  }
  for (const each of themes) {
    if (each === theme()) continue;
    const said: Said = (to) => m.command_theme({ theme: themeWords[each](to) }, to);
    add(`theme-${each}`, 'info', said, () => useTheme(each));
  }
  add(
    'shortcuts',
    'info',
    (to) => m.menu_shortcuts({}, to),
    () => app.overlay.open('shortcuts'),
    '?',
  );
  if (app.canLock)
    add(
      'lock',
      'barred',
      (to) => m.menu_lock({}, to),
      () => void app.lock(),
      'Mod+L',
    );
  if (app.account && app.busy === null) {
    const tenant = app.place ? isolated(placeName(app.place)) : '';
    // It costs the selection, so it takes one more step than its name and Enter.
    const leave = async () => {
      press('account-menu');
      await tick();
      press('sign-out');
    };
    const said: Said = (to) => m.sign_out_here({ tenant }, to);
    add(
      'sign-out',
      'stop',
      said,
      () => void leave(),
      undefined,
      (to) => m.menu_sign_out({}, to),
    );
  }
  return all;
}

/** The commands that a question finds, the best first; all of them, in their order, for none. */
export function matching(commands: readonly Command[], question: string): Command[] {
  if (question.trim() === '') return [...commands];
  return commands
    .map((command) => ({ command, score: fuzzy(question, command.names) }))
    .filter(({ score }) => score !== null)
    .sort((a, b) => (b.score ?? 0) - (a.score ?? 0))
    .map(({ command }) => command);
}
