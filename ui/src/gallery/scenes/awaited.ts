// Scenes for what is still being built, by the test ids it will bear. Once it is there, `off` goes.
import type { Scene } from './scene';
import { desk, devices, endings, finds, hostile, hostileEngine, runs, withHistory } from '../engines';
import type { Person } from '../person';

const several = `SN000050\nSN000060\nSN000060\nIPADOS\nSN999999\n${'x'.repeat(300)}`;

async function list(person: Person, tab: string, text = several): Promise<void> {
  await person.click('mode-list');
  await person.type('list-input', text);
  await person.click('list-lookup');
  await person.click(`list-tab-${tab}`);
}

function listTab(tab: string): Scene {
  return { name: `list-${tab}`, off: true, engine: () => desk(), act: (person) => list(person, tab) };
}

async function menu(person: Person, opener: string): Promise<void> {
  await person.devices('zoë');
  await person.click(opener);
}

function grouped(grouping: string): Scene {
  return {
    name: `tray-by-${grouping}`,
    off: true,
    engine: () => desk((engine) => finds(engine, { devices: devices(40) })),
    act: async (person) => {
      await person.devices('zoë');
      await person.selectAll();
      // In a small window the tray is folded.
      if (innerWidth < 900) document.querySelector<HTMLElement>('[data-testid="tray"] .fold')?.click();
      await person.type('tray-grouping', grouping);
    },
  };
}

export const awaited: readonly Scene[] = [
  {
    name: 'desk-recent',
    off: true,
    engine: () => desk(),
    act: async (person) => {
      await person.devices('zoë');
      await person.devices('IPADOS', 'device');
      await person.type('search-input', '');
      await person.see('recent-search', 1);
    },
  },
  { name: 'list-panel', off: true, engine: () => desk(), act: (person) => person.click('mode-list') },
  ...['one', 'several', 'none', 'double', 'notRead'].map(listTab),
  {
    name: 'table-filtered',
    off: true,
    engine: () => desk(),
    act: async (person) => {
      await person.devices('IPADOS', 'device');
      await person.type('table-filter', '26.1');
    },
  },
  { name: 'table-columns', off: true, engine: () => desk(), act: (person) => menu(person, 'columns-button') },
  ...['name', 'owner', 'lastContact'].map((column): Scene => ({
    name: `table-menu-${column}`,
    off: true,
    engine: () => desk(),
    act: (person) => menu(person, `column-menu-${column}`),
  })),
  {
    name: 'details',
    off: true,
    engine: () => withHistory(desk()),
    act: async (person) => {
      await menu(person, 'open-details');
      await person.see('details-pane');
    },
  },
  ...['route', 'user', 'system'].map(grouped),
  {
    name: 'tray-cleared',
    off: true,
    engine: () => desk(),
    act: async (person) => {
      await person.devices('zoë');
      await person.selectAll();
      await person.click('tray-clear');
      await person.see('tray-undo');
    },
  },
  {
    name: 'history-search',
    off: true,
    engine: () => withHistory(desk()),
    act: async (person) => {
      await person.openFromMenu('open-history');
      await person.type('history-text', 'IPADOS');
      await person.see('history-item');
    },
  },
  {
    name: 'run-narrowed',
    off: true,
    engine: () =>
      desk((engine) => {
        finds(engine, { devices: devices(endings.length) });
        runs(engine);
      }),
    act: async (person) => {
      await person.devices('zoë');
      await person.selectAll();
      await person.press('Control+Enter');
      await person.click('confirm-button');
      await person.click('run-filter-person');
    },
  },
  {
    name: 'palette',
    off: true,
    engine: () => desk(),
    act: async (person) => {
      await person.devices('zoë');
      await person.press('Control+k');
      await person.type('palette-input', 'se');
      await person.see('palette-option', 1);
    },
  },
  {
    name: 'shortcuts',
    off: true,
    engine: () => desk(),
    act: async (person) => {
      await person.devices('zoë');
      await person.press('Shift+?');
      await person.see('shortcuts-sheet');
    },
  },
  {
    name: 'theme-dark',
    off: true,
    engine: () => desk(),
    act: async (person) => {
      await person.openFromMenu('open-settings');
      await person.click('theme-dark');
    },
  },
  {
    name: 'hostile-details',
    off: true,
    engine: hostileEngine,
    act: async (person) => {
      await menu(person, 'open-details');
      await person.see('details-pane');
    },
  },
  {
    name: 'hostile-list',
    off: true,
    engine: hostileEngine,
    act: (person) => list(person, 'none', hostile.join('\n')),
  },
];
