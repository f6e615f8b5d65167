import { desk, devices, finds, hostileEngine, withHistory } from '../engines';
import type { Person } from '../person';
import type { Scene } from './scene';

async function open(person: Person, opener: string): Promise<void> {
  await person.devices('IPADOS', 'device');
  await person.click(opener);
}

async function details(person: Person): Promise<void> {
  await open(person, 'open-details');
  await person.see('details-recoveries');
}

async function selected(person: Person): Promise<void> {
  await person.devices('zoë');
  await person.selectAll();
}

export const tableScenes: readonly Scene[] = [
  {
    name: 'table-filtered',
    engine: () => desk(),
    act: async (person) => {
      await person.devices('IPADOS', 'device');
      await person.type('table-filter', '26.1');
    },
  },
  { name: 'table-columns', engine: () => desk(), act: (person) => open(person, 'columns-button') },
  ...['name', 'warnings', 'lastContact'].map((column): Scene => ({
    name: `table-menu-${column.toLowerCase()}`,
    engine: () => desk(),
    act: (person) => open(person, `column-menu-${column}`),
  })),
  { name: 'details', engine: () => withHistory(desk()), act: details },
  {
    name: 'details-and-tray',
    engine: () => withHistory(desk()),
    act: async (person) => {
      await selected(person);
      await person.click('open-details', 1);
      await person.see('details-recoveries');
    },
  },
  { name: 'hostile-details', engine: hostileEngine, act: details },
  ...['found', 'user', 'system'].map((grouping): Scene => ({
    name: `tray-by-${grouping}`,
    engine: () => desk((engine) => finds(engine, { devices: devices(40) })),
    act: async (person) => {
      await selected(person);
      // In a small window the tray is folded.
      if (innerWidth <= 900) document.querySelector<HTMLElement>('[data-testid="tray"] .fold')?.click();
      await person.type('tray-grouping', grouping);
    },
  })),
  {
    name: 'tray-cleared',
    engine: () => desk(),
    act: async (person) => {
      await selected(person);
      await person.click('tray-clear');
      await person.see('tray-undo');
    },
  },
];
